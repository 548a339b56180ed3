/**
 * Markdown rules for Chinese: emphasis next to Chinese characters, wrapped lines, and bare links followed by Chinese.
 */
import type { MarkdownIt, Token } from 'markdown-it'
import cjkFriendly from 'markdown-it-cjk-friendly'

/** Han, kana, and the full-width punctuation between them. Korean is excluded because it is written with spaces. */
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uff60“”‘’…—]/u
const HAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u

export function writeChinese(markdown: MarkdownIt): void {
  markdown.use(cjkFriendly)
  // Link only what begins with http(s)://, so that a full stop without a space does not make a link.
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false })
  markdown.core.ruler.after('linkify', 'links_end_at_chinese', ({ tokens, md }) => {
    for (const { children } of tokens) if (children) endLinks(children, (address) => md.normalizeLink(address))
  })
  markdown.core.ruler.push('wrapped_lines', ({ tokens }) => {
    for (const { children } of tokens) if (children) joinLines(children)
  })
}

/** A line break between two Chinese characters is only a wrap in the author's editor: render no space. */
function joinLines(tokens: readonly Token[]): void {
  let before = ''
  let wrapped: Token | undefined
  for (const token of tokens) {
    if (token.type === 'softbreak') wrapped = token
    if (token.content === '') continue
    const after = String.fromCodePoint(token.content.codePointAt(0) ?? 0)
    // Punctuation such as “ is used in both scripts: at least one of the two characters must be Chinese.
    if (wrapped && WIDE.test(before) && WIDE.test(after) && (HAN.test(before) || HAN.test(after))) {
      wrapped.type = 'text'
    }
    wrapped = undefined
    before = lastOf(token.content)
  }
}

/** Ends a bare link where Chinese text begins, because no space is written there. */
function endLinks(tokens: Token[], normalize: (address: string) => string): void {
  for (const [index, open] of tokens.entries()) {
    const [text, close] = [tokens[index + 1], tokens[index + 2]]
    if (open.type !== 'link_open' || open.markup !== 'linkify' || !text || close?.type !== 'link_close') continue
    const [, address = '', rest = ''] = /^([\x21-\x7e]*)(.*)$/s.exec(text.content) ?? []
    if (rest === '' || address === '') continue
    open.attrSet('href', normalize(address))
    text.content = address
    const after = tokens[index + 3]
    if (after?.type === 'text') after.content = rest + after.content
    else
      tokens.splice(
        index + 3,
        0,
        Object.assign(Object.create(Object.getPrototypeOf(text)), text, { content: rest, level: open.level }),
      )
  }
}

const lastOf = (text: string): string => [...text.slice(-2)].at(-1) ?? ''
