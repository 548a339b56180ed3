/** What the pages know of a refund's states. */
import type { Refund } from '../src/api/client.ts'

/** It changes by itself: the gateway's word is being waited for. */
export const isUnderWay = ({ status }: Pick<Refund, 'status'>): boolean => status === 'approved' || status === 'sent'
