/** Renders a lesson's Markdown as HTML. HTML in the text is escaped. Loaded only on pages that show a lesson. */
import MarkdownIt from 'markdown-it'
import footnotes from 'markdown-it-footnote'
import { writeChinese } from './markdown-chinese.ts'
import { nameHeadings, type SetMath, setFormulas, tickTasks } from './markdown-course.ts'

/** Accessible names of scrollable elements, which are focusable for the keyboard. */
export interface Labels {
  readonly table: string
  readonly code: string
  /** Note after a picture from another site, where authors should see it. */
  readonly elsewhere?: string | undefined
}

const ABROAD = /^https?:/i
const OWN_PICTURE = /^\/(?![/\\])/

/** Deeper than the lists of any real course. */
const MAX_NESTING = 40

/** Whether the text may contain a formula, so that KaTeX has to be loaded. */
export const hasFormula = (text: string): boolean => text.includes('$')

/** @param setMath renders formulas; without it they are shown as source */
export function renderMarkdown(text: string, labels: Labels, setMath: SetMath = () => undefined): string {
  const markdown = new MarkdownIt({ html: false, linkify: true, typographer: false, maxNesting: MAX_NESTING })
  writeChinese(markdown)
  markdown.use(footnotes)
  tickTasks(markdown)
  nameHeadings(markdown)
  if (hasFormula(text)) setFormulas(markdown, setMath)
  const { rules, renderToken } = {
    rules: markdown.renderer.rules,
    renderToken: markdown.renderer.renderToken.bind(markdown.renderer),
  }
  const scrolling = (label: string) =>
    `<div class="sideways" tabindex="0" role="group" aria-label="${markdown.utils.escapeHtml(label)}">`

  rules.table_open = () => `${scrolling(labels.table)}<table>`
  // The content security policy blocks inline styles, so columns are aligned by class.
  for (const cell of ['th_open', 'td_open'] as const) {
    rules[cell] = (tokens, index, options) => {
      const token = tokens[index]
      const aligned = /text-align:(left|center|right)/.exec(String(token?.attrGet('style') ?? ''))?.[1]
      if (token?.attrs) token.attrs = token.attrs.filter(([name]) => name !== 'style')
      if (token && aligned) token.attrSet('class', `to-${aligned}`)
      return renderToken(tokens, index, options)
    }
  }
  rules.table_close = () => '</table></div>'
  const plainFence = rules.fence
  rules.fence = (...given) => `${scrolling(labels.code)}${plainFence?.(...given) ?? ''}</div>`
  const plainBlock = rules.code_block
  rules.code_block = (...given) => `${scrolling(labels.code)}${plainBlock?.(...given) ?? ''}</div>`
  rules.link_open = (tokens, index, options) => {
    const link = tokens[index]
    if (link && ABROAD.test(String(link.attrGet('href') ?? ''))) link.attrSet('rel', 'noopener noreferrer')
    return renderToken(tokens, index, options)
  }
  rules.image = (tokens, index, options, _environment, self) => {
    const image = tokens[index]
    const source = String(image?.attrGet('src') ?? '')
    const words = self.renderInlineAsText(image?.children ?? [], options, _environment)
    // For the reader's privacy, a picture from another site is rendered as a link and not loaded.
    if (!OWN_PICTURE.test(source)) {
      const name = markdown.utils.escapeHtml(words || source)
      const note = labels.elsewhere
        ? ` <small class="elsewhere">${markdown.utils.escapeHtml(labels.elsewhere)}</small>`
        : ''
      if (!ABROAD.test(source)) return name + note
      return `<a href="${markdown.utils.escapeHtml(source)}" rel="noopener noreferrer">${name}</a>${note}`
    }
    image?.attrSet('loading', 'lazy')
    image?.attrSet('alt', words)
    return renderToken(tokens, index, options)
  }
  // The page's title is the first heading; headings of the text start one level below.
  markdown.core.ruler.push('lower_headings', (state) => {
    const least = state.tokens.some((token) => token.type === 'heading_open' && token.tag === 'h1')
    if (!least) return
    for (const token of state.tokens) {
      if (!token.type.startsWith('heading_')) continue
      token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + 1)}`
    }
  })
  return markdown.render(text)
}
