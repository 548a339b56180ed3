/** At which merchant an attempt was paid, and whether that merchant's word counts for it. */
import type { GatewayTrade, PaidNotice } from './providers/provider.ts'

type Paid = Extract<GatewayTrade, { state: 'paid' }>

/** Who answered was asked as the one where it was opened: its answer counts. */
export const answeredBy = ({ merchant }: Paid): Pick<PaidNotice, 'from'> =>
  merchant === undefined ? {} : { from: { merchant, pays: () => true } }

/** Whether it can be paid there: what was opened at one merchant is not paid by another's word, nor by the sandbox's. */
export const mayBePaidAt = (opened: string | null, { from }: Pick<PaidNotice, 'from'>): boolean =>
  from?.pays(opened) ?? true
