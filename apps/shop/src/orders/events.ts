/**
 * Word of a changed order, from whichever process changed it to whichever process its buyer watches from. PostgreSQL
 * carries it (LISTEN/NOTIFY), and only once the change is committed.
 */
import { sql } from 'kysely'
import pg from 'pg'
import type { Transaction } from '../database/connect.ts'

const CHANNEL = 'order_changed'
const RECONNECT_MS = 500

export async function announceOrder(tx: Transaction, orderNo: string): Promise<void> {
  await sql`select pg_notify(${CHANNEL}, ${orderNo})`.execute(tx)
}

export interface OrderEvents {
  /** Calls back when the order may have changed; returns how to stop. */
  watch(orderNo: string, changed: () => void): () => void
  close(): Promise<void>
}

/** Listens on a connection of its own. When that breaks, everyone is told to look again once it is back. */
export function listenForOrders(url: string): OrderEvents {
  const watchers = new Map<string, Set<() => void>>()
  let client: pg.Client | undefined
  let retry: NodeJS.Timeout | undefined
  let closed = false

  const tell = (orderNo: string) => {
    for (const changed of watchers.get(orderNo) ?? []) changed()
  }

  const open = async () => {
    const fresh = new pg.Client({ connectionString: url, keepAlive: true })
    const again = () => {
      if (closed || client !== fresh) return
      client = undefined
      retry = setTimeout(open, RECONNECT_MS)
    }
    client = fresh
    fresh.on('error', again)
    fresh.on('end', again)
    fresh.on('notification', ({ payload }) => tell(payload ?? ''))
    try {
      await fresh.connect()
      await fresh.query(`listen ${CHANNEL}`)
      for (const orderNo of watchers.keys()) tell(orderNo)
    } catch {
      again()
    }
  }
  void open()

  return {
    watch(orderNo, changed) {
      const group = watchers.get(orderNo) ?? new Set()
      watchers.set(orderNo, group.add(changed))
      return () => {
        group.delete(changed)
        if (group.size === 0) watchers.delete(orderNo)
      }
    },
    async close() {
      closed = true
      clearTimeout(retry)
      await client?.end().catch(() => {})
    },
  }
}
