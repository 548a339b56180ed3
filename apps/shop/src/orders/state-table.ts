/**
 * The type of state tables. Orders, payment attempts and refunds have one each; checks, the buttons for staff and
 * docs/states.md are derived from it.
 */
import type { Right } from '../admin/permissions.ts'

/** Who or what causes a transition. `shop` is a rule of the shop, applied in the transaction that triggers it. */
export type Actor = 'buyer' | 'staff' | 'gateway' | 'job' | 'shop'

/** Who or what caused it, for the history. */
export interface By {
  readonly actor: Actor
  /** The person, if it was one. */
  readonly userId?: number | undefined
}

export interface Transition<State extends string> {
  readonly from: readonly State[]
  readonly to: State
  readonly by: readonly Actor[]
  /** The permission that staff need for it. */
  readonly right?: Right
  readonly needs: string
  readonly does: string
}

export type StateTable<State extends string> = Readonly<Record<string, Transition<State>>>

/**
 * Whether the table allows it.
 * @throws Error if this actor may never cause it: that is a mistake in the code, not in the data
 */
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

/** What staff with these permissions may do in this state: the buttons. */
export function staffActions<State extends string>(
  table: StateTable<State>,
  status: State,
  may: (right: Right) => boolean,
): string[] {
  return Object.entries(table)
    .filter(([, { from, by, right }]) => by.includes('staff') && from.includes(status) && right && may(right))
    .map(([event]) => event)
}
