/**
 * State of the dialog that asks for a new login or for the password again. What was typed on the page below is kept.
 */
import { shallowRef } from 'vue'
import type { User } from '../api/client.ts'
import { type Barrier, keepGate } from '../api/gate.ts'

type Who = Pick<User, 'id' | 'username' | 'displayName'>

export interface Asked {
  readonly barrier: Barrier
  readonly who: Who
}

/** The current question, if any; the page's frame shows the dialog for it. */
export const asked = shallowRef<Asked>()

let waiting: { done: (free: boolean) => void; free: Promise<boolean> } | undefined

/**
 * Several requests may wait for one answer. A login also counts as a credential proof, so if the session ends while a
 * proof is requested, the dialog asks for the login instead.
 * @param who the account the page acts as; undefined if logged out, in which case nothing is asked
 */
export function keepBarrier(who: () => Who | undefined): void {
  keepGate(async (barrier) => {
    const person = who()
    if (!person) return false
    if (!waiting) {
      let done = (_free: boolean) => {}
      const free = new Promise<boolean>((settle) => {
        done = settle
      })
      waiting = { done, free }
      asked.value = { barrier, who: person }
    } else if (barrier === 'LOGIN_REQUIRED' && asked.value) {
      asked.value = { ...asked.value, barrier }
    }
    return waiting.free
  })
}

/** Closes the dialog. @param free whether the waiting requests are retried */
export function answerBarrier(free: boolean): void {
  const before = waiting
  waiting = undefined
  asked.value = undefined
  before?.done(free)
}

/** Switches to a login because the session ended while a proof was requested. */
export function loginInstead(): void {
  if (asked.value) asked.value = { ...asked.value, barrier: 'LOGIN_REQUIRED' }
}
