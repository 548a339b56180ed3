/** Left behind by a login, so that a visitor who never logged in costs the server no question. It proves nothing. */
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
    return undefined // storage is switched off
  }
}
