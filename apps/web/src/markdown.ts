/** Turns a lesson's Markdown into HTML. HTML in the text is shown as text, never run; loaded only where a lesson is read. */
import MarkdownIt from 'markdown-it'

/** Names for what scrolls sideways by itself, so that the keyboard can reach it and it is called something. */
export interface Labels {
  readonly table: string
  readonly code: string
  /** Said after a picture that is not shown, where that is to be told. */
  readonly elsewhere?: string | undefined
}

const ABROAD = /^https?:/i
const OWN_PICTURE = /^\/(?![/\\])/

export function renderMarkdown(text: string, labels: Labels): string {
  const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false })
  const { rules, renderToken } = {
    rules: markdown.renderer.rules,
    renderToken: markdown.renderer.renderToken.bind(markdown.renderer),
  }
  const scrolling = (label: string) =>
    `<div class="sideways" tabindex="0" role="group" aria-label="${markdown.utils.escapeHtml(label)}">`

  rules.table_open = () => `${scrolling(labels.table)}<table>`
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
    // Nobody else's server learns who reads what: a picture from elsewhere is a link to it.
    if (!OWN_PICTURE.test(source)) {
      const name = markdown.utils.escapeHtml(words || source)
      const told = labels.elsewhere
        ? ` <small class="elsewhere">${markdown.utils.escapeHtml(labels.elsewhere)}</small>`
        : ''
      if (!ABROAD.test(source)) return name + told
      return `<a href="${markdown.utils.escapeHtml(source)}" rel="noopener noreferrer">${name}</a>${told}`
    }
    image?.attrSet('loading', 'lazy')
    image?.attrSet('alt', words)
    return renderToken(tokens, index, options)
  }
  // The page's own title is the first heading; those of the text begin one below it.
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
