/**
 * A marker that a login leaves in the browser, so that visitors who never logged in cause no session request. It proves
 * nothing.
 */
const TRACE = 'xuecheng.session'

export const loginTrace = {
  is: () => safely(() => localStorage.getItem(TRACE) !== null) ?? false,
  leave: () => safely(() => localStorage.setItem(TRACE, '1')),
  wipe: () => safely(() => localStorage.removeItem(TRACE)),
}

function safely<Result>(use: () => Result): Result | undefined {
  try {
    return use()
  } catch {
    return undefined // storage is disabled
  }
}
