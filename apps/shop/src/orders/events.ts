/** Word of a changed order, from whichever process changed it to whichever process its buyer watches from. */
import { announceAfterCommit } from '../database/after-commit.ts'
import type { Announcements } from '../database/announcements.ts'
import type { Transaction } from '../database/connect.ts'

/** Says so, once the transaction is committed. */
export const announceOrder = (tx: Transaction, orderNo: string): Promise<void> =>
  announceAfterCommit(tx, 'order_changed', orderNo)

export interface OrderEvents {
  /** Calls back when the order may have changed; returns how to stop. */
  watch(orderNo: string, changed: () => void): () => void
}

export function watchOrders(announcements: Announcements): OrderEvents {
  const watchers = new Map<string, Set<() => void>>()
  announcements.on('order_changed', (orderNo) => {
    const told = orderNo === undefined ? [...watchers.values()] : [watchers.get(orderNo) ?? []]
    for (const group of told) for (const changed of group) changed()
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
