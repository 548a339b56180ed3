/**
 * What an answer about an attempt is worth, by the account that gives it. Only the account at which a number was opened
 * may deny it; any account may affirm it. Without an answer that counts, nothing is known, and the order waits.
 */
import type { GatewayTrade } from '../contract.ts'

/**
 * `of record`: the attempt was opened here. `possible`: where it was opened was not recorded, and it may have been here.
 * `other`: it was opened elsewhere, at an account whose settings this shop no longer has or cannot read. `sandbox`: possible, but anyone can pay there.
 */
export type Standing = 'of record' | 'possible' | 'other' | 'sandbox'

export type Answered = GatewayTrade['state'] | 'no answer'

type Worth = 'counts' | 'counts if all agree' | 'nothing'

export const WORTH: Readonly<Record<Standing, Readonly<Record<Answered, Worth>>>> = {
  'of record': { paid: 'counts', waiting: 'counts', closed: 'counts', none: 'counts', 'no answer': 'nothing' },
  possible: {
    ...{ paid: 'counts', waiting: 'counts', closed: 'counts if all agree', none: 'counts if all agree' },
    'no answer': 'nothing',
  },
  sandbox: {
    ...{ paid: 'nothing', waiting: 'counts', closed: 'counts if all agree', none: 'counts if all agree' },
    'no answer': 'nothing',
  },
  other: { paid: 'counts', waiting: 'nothing', closed: 'nothing', none: 'nothing', 'no answer': 'nothing' },
}

const WEIGHT: Readonly<Record<Answered, number>> = { 'no answer': 0, none: 1, closed: 2, waiting: 3, paid: 4 }

/**
 * The answer that counts, of all the accounts that were queried. Undefined: nothing is known.
 * @param complete whether those were all the accounts at which it may have been opened
 */
export function answerThatCounts<Given extends { standing: Standing; state: Answered }>(
  given: readonly Given[],
  complete: boolean,
): Given | undefined {
  const paid = given.filter(({ state }) => state === 'paid')
  if (paid.length > 0) return paid.find(({ standing, state }) => WORTH[standing][state] === 'counts')
  const [heaviest, ...others] = [...given].sort((one, other) => WEIGHT[other.state] - WEIGHT[one.state])
  if (!heaviest) return undefined
  const worth = WORTH[heaviest.standing][heaviest.state]
  if (worth === 'counts') return heaviest
  const agreed = others.every(({ standing, state }) => WORTH[standing][state] !== 'nothing')
  return worth === 'counts if all agree' && complete && agreed ? heaviest : undefined
}
