/** At which merchant an attempt was paid, and whether that merchant's word counts for it. */
import type { GatewayTrade, PaidNotice } from './providers/provider.ts'

type Paid = Extract<GatewayTrade, { state: 'paid' }>

/** Who answered was asked as the one where it was opened: its answer counts. */
export const answeredBy = ({ merchant }: Paid): Pick<PaidNotice, 'from'> =>
  merchant === undefined ? {} : { from: { merchant, pays: 'any' } }

/** Whether it can be paid there: what was opened at a real merchant is not paid by the sandbox, whatever that says. */
export function mayBePaidAt(opened: string | null, { from }: Pick<PaidNotice, 'from'>): boolean {
  if (!from || from.pays === 'any') return true
  return opened === null ? from.pays === 'its own and unnoted' : opened === from.merchant
}
