/** Barriers that the user can clear, such as an expired login; the request is then retried automatically. */

/** The session has ended, or the server requires the password again. */
export type Barrier = 'LOGIN_REQUIRED' | 'PROOF_REQUIRED'

/** Asks the user to clear the barrier. @returns whether it is cleared */
export type Keeper = (barrier: Barrier) => Promise<boolean>

let keeper: Keeper | undefined
let account: number | undefined

/** @param asks the handler that asks the user; there is one for the whole page */
export function keepGate(asks: Keeper): void {
  keeper = asks
}

/** Sets the account that this page acts as; undefined if logged out. */
export function actAs(userId: number | undefined): void {
  account = userId
}

export const actingAs = (): number | undefined => account

/** Whether the request may be sent again. */
export async function passes(barrier: unknown): Promise<boolean> {
  if (barrier !== 'LOGIN_REQUIRED' && barrier !== 'PROOF_REQUIRED') return false
  return (await keeper?.(barrier)) ?? false
}
