/** The page to return to after a login: always a page of this shop. */

const HERE = 'https://here.invalid'

/** Without `URL.canParse`, which browsers have only since 2023. */
function staysHere(path: string): boolean {
  try {
    return new URL(path, HERE).origin === HERE
  } catch {
    return false
  }
}

/** @returns the path if it stays on this site, otherwise `/`; an address is untrusted input */
export function wayBack(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/')) return '/'
  // Browsers resolve `//host`, `/\host` and paths with tabs or line breaks, which they strip, to another site.
  if (/[\\\t\r\n]/.test(next) || !staysHere(next)) return '/'
  return /^\/(login|register)(\/|\?|#|$)/.test(next) ? '/' : next
}
