/** At which merchant an attempt was paid, and whether that merchant's report counts for it. */
import type { GatewayTrade, PaidNotice } from '../contract.ts'

type Paid = Extract<GatewayTrade, { state: 'paid' }>

/** The answer comes from the merchant where the attempt was opened, so it counts. */
export const answeredBy = ({ merchant }: Paid): Pick<PaidNotice, 'from'> =>
  merchant === undefined ? {} : { from: { merchant, pays: () => true } }

/**
 * Whether it can be paid there: a report of another merchant, or of the sandbox, does not pay an attempt opened at this
 * one.
 */
export const mayBePaidAt = (opened: string | null, { from }: Pick<PaidNotice, 'from'>): boolean =>
  from?.pays(opened) ?? true
