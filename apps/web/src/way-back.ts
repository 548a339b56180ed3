/** Where a login leads back to: only ever a page of this shop. */

/** @returns the path if it stays on this site, `/` otherwise; what comes from an address may be anybody's writing */
export function wayBack(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/')) return '/'
  // Browsers read `//host`, `/\host` and a path with stripped tabs or line breaks as another site's address.
  const stays = URL.canParse(next, 'https://here.invalid') && new URL(next, 'https://here.invalid').origin
  if (stays !== 'https://here.invalid' || /[\\\t\r\n]/.test(next)) return '/'
  return /^\/(login|register)(\/|\?|#|$)/.test(next) ? '/' : next
}
