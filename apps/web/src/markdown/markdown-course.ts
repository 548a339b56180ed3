/** Markdown extensions for courses: task lists, heading anchors, formulas. */
import type { MarkdownIt, Token } from 'markdown-it'

/** Renders `[ ]` and `[x]` at the start of a list item as read-only checkboxes. */
export function tickTasks(markdown: MarkdownIt): void {
  markdown.core.ruler.after('inline', 'tasks', ({ tokens }) => {
    for (const [index, token] of tokens.entries()) {
      const [item, paragraph] = [tokens[index - 2], tokens[index - 1]]
      if (token.type !== 'inline' || item?.type !== 'list_item_open' || paragraph?.type !== 'paragraph_open') continue
      const first = token.children?.[0]
      const [mark = '', tick] = /^\[([ xX])\](?:\s+|$)/.exec(first?.content ?? '') ?? []
      if (first?.type !== 'text' || tick === undefined) continue
      first.content = first.content.slice(mark.length)
      item.attrJoin('class', 'task')
      const box = Object.assign(Object.create(Object.getPrototypeOf(first)), first, {
        type: 'task_box',
        content: '',
        info: tick,
      })
      token.children?.unshift(box as Token)
    }
  })
  markdown.renderer.rules['task_box'] = (tokens, index) =>
    `<input type="checkbox" disabled${tokens[index]?.info === ' ' ? '' : ' checked'}> `
}

/** Avoids collisions between heading ids and ids of the page. */
const PREFIX = 'h-'

/** Gives each heading an id made from its text, so that `[see](#its-text)` links to it. */
export function nameHeadings(markdown: MarkdownIt): void {
  markdown.core.ruler.push('heading_names', ({ tokens }) => {
    const taken = new Map<string, number>()
    for (const [index, token] of tokens.entries()) {
      if (token.type !== 'heading_open') continue
      const words = (tokens[index + 1]?.children ?? []).map(({ content }) => content).join('')
      const name = nameOf(words) || 'section'
      const times = taken.get(name) ?? 0
      taken.set(name, times + 1)
      token.attrSet('id', `${PREFIX}${times === 0 ? name : `${name}-${times}`}`)
    }
    for (const link of tokens.flatMap(({ children }) => children ?? [])) {
      const href = link.type === 'link_open' ? String(link.attrGet('href') ?? '') : ''
      if (href.startsWith('#')) link.attrSet('href', `#${PREFIX}${encodeURIComponent(nameOf(decoded(href.slice(1))))}`)
    }
  })
}

/** Slugs as on GitHub: letters of any script, digits and hyphens. */
const nameOf = (words: string): string =>
  words
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, '')
    .replace(/\s+/g, '-')

function decoded(address: string): string {
  try {
    return decodeURIComponent(address)
  } catch {
    return address
  }
}

export type SetMath = (formula: string, block: boolean) => string | undefined

/**
 * `$x$` inline, `$$` on lines of its own. Prices are not formulas, and a formula neither begins nor ends with a space.
 */
export function setFormulas(markdown: MarkdownIt, set: SetMath): void {
  markdown.inline.ruler.after('escape', 'formula', (state, silent) => {
    if (state.src[state.pos] !== '$') return false
    const doubled = state.src[state.pos + 1] === '$'
    const sign = doubled ? '$$' : '$'
    const from = state.pos + sign.length
    const to = endOf(state.src, from, sign)
    if (to === undefined) return false
    if (!silent) {
      const token = state.push('formula', '', 0)
      token.content = state.src.slice(from, to)
      token.markup = sign
    }
    state.pos = to + sign.length
    return true
  })
  markdown.renderer.rules['formula'] = (tokens, index) => {
    const { content = '', markup = '' } = tokens[index] ?? {}
    const block = markup === '$$'
    const shown = set(content, block) ?? `<code>${markdown.utils.escapeHtml(`${markup}${content}${markup}`)}</code>`
    return block ? `<span class="formula" tabindex="0">${shown}</span>` : shown
  }
}

function endOf(source: string, from: number, sign: string): number | undefined {
  if (sign === '$' && /\s/.test(source[from] ?? ' ')) return undefined
  for (let at = source.indexOf(sign, from); at >= 0; at = source.indexOf(sign, at + 1)) {
    if (source[at - 1] === '\\') continue
    if (at === from) return undefined
    if (sign === '$' && (/\s/.test(source[at - 1] ?? ' ') || /\d/.test(source[at + 1] ?? ''))) return undefined
    return at
  }
  return undefined
}
