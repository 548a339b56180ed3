/** Cookies and content security policy of the buyer's pages. */

export const SESSION = 'sandbox_buyer'
export const LANGUAGE = 'sandbox_language'
export const COOKIE = { path: '/', httpOnly: true, sameSite: 'lax' } as const

export const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
