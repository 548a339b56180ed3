/** Detours that a navigation takes first, and that lead back afterwards. */

/** The login, with the full path to return to. */
export const loginDetour = (to: { fullPath: string }) => ({ name: 'login', query: { next: to.fullPath } })

/** Replacing a generated password, which comes before anything else. */
export const passwordDetour = (to: { fullPath: string }) => ({ name: 'password', query: { next: to.fullPath } })
