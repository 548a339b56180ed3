/** HTML templates in which every value is escaped unless it is HTML created here. */

export interface Html {
  readonly text: string
}

type Part = Html | string | number | undefined | false | readonly Part[]

/** `html\`<p>${value}</p>\`` — values are escaped, nested html is kept, undefined and false are left out. */
export function html(texts: TemplateStringsArray, ...values: readonly Part[]): Html {
  return { text: texts.reduce((all, text, index) => `${all}${render(values[index - 1])}${text}`) }
}

function render(part: Part): string {
  if (part === undefined || part === false) return ''
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part))
  return 'text' in part ? part.text : part.map(render).join('')
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
}
