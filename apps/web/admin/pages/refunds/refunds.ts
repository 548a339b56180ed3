/** Helpers for the states of refunds. */
import type { Refund } from '../../../src/api/client.ts'

/** Whether its state will change without staff: the gateway's result is pending. */
export const isUnderWay = ({ status }: Pick<Refund, 'status'>): boolean => status === 'approved' || status === 'sent'
