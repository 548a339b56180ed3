/** Messages about changed orders, from the process that changed one to the process that its buyer is connected to. */

import type { Transaction } from '../db/connect.ts'
import type { Subscriptions } from '../db/pub-sub.ts'
import { publishAfterCommit } from '../db/pub-sub.ts'

/** Publishes the change once the transaction is committed. */
export const publishOrder = (tx: Transaction, orderNo: string): Promise<void> =>
  publishAfterCommit(tx, 'order_changed', orderNo)

export interface OrderEvents {
  /** Calls back when the order may have changed; returns a function that stops it. */
  watch(orderNo: string, changed: () => void): () => void
}

export function watchOrders(subscriptions: Subscriptions): OrderEvents {
  const watchers = new Map<string, Set<() => void>>()
  subscriptions.on('order_changed', (orderNo) => {
    const groups = orderNo === undefined ? [...watchers.values()] : [watchers.get(orderNo) ?? []]
    for (const group of groups) for (const changed of group) changed()
  })
  return {
    watch(orderNo, changed) {
      const group = watchers.get(orderNo) ?? new Set()
      watchers.set(orderNo, group.add(changed))
      return () => {
        group.delete(changed)
        if (group.size === 0) watchers.delete(orderNo)
      }
    },
  }
}
