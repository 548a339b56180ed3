/** What a table of states is. Orders, payment attempts and refunds have one each; checks, staff's buttons and docs/states.md come from it. */
import type { Right } from './accounts/rights.ts'

/** Who or what causes a transition. `shop` is the shop's own rule, in the transaction of what calls for it. */
export type Actor = 'buyer' | 'staff' | 'gateway' | 'job' | 'shop'

/** Who or what it was, for the history. */
export interface By {
  readonly actor: Actor
  /** The person, where it was one. */
  readonly userId?: number | undefined
}

export interface Transition<State extends string> {
  readonly from: readonly State[]
  readonly to: State
  readonly by: readonly Actor[]
  /** The right that staff need for it. */
  readonly right?: Right
  readonly needs: string
  readonly does: string
}

export type StateTable<State extends string> = Readonly<Record<string, Transition<State>>>

/** Whether the table allows it. @throws Error when this actor may never cause it: a mistake in the code, not in the data */
export function allows<State extends string>(
  table: StateTable<State>,
  event: string,
  status: State,
  { actor }: By,
): boolean {
  const transition = table[event]
  if (!transition?.by.includes(actor)) throw new Error(`${actor} may not ${event}`)
  return transition.from.includes(status)
}

/** What staff with these rights may do in this state: the buttons. */
export function staffActions<State extends string>(
  table: StateTable<State>,
  status: State,
  may: (right: Right) => boolean,
): string[] {
  return Object.entries(table)
    .filter(([, { from, by, right }]) => by.includes('staff') && from.includes(status) && right && may(right))
    .map(([event]) => event)
}
