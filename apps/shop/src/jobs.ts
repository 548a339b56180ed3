/** The jobs of the shop: which task does what, and when. */
import { type Queue, startQueue } from './jobs/queue.ts'
import { askDueAttempts } from './payments/ask.ts'
import { expireOrders } from './payments/close-order.ts'
import type { Shop } from './shop.ts'

const HOUSEKEEPING = { sessionsDays: 30, keysDays: 2 }

export function startJobs({ connection, payments, log }: Shop): Promise<Queue> {
  const { db } = connection
  const tasks = {
    'ask-open-attempts': async () => {
      await askDueAttempts(payments)
    },
    'expire-orders': async () => {
      await expireOrders(payments)
    },
    'forget-what-ended': async () => {
      const daysAgo = (days: number) => new Date(payments.clock().getTime() - days * 86_400_000)
      await db.deleteFrom('sessions').where('expires_at', '<', daysAgo(HOUSEKEEPING.sessionsDays)).execute()
      await db.deleteFrom('idempotency_keys').where('created_at', '<', daysAgo(HOUSEKEEPING.keysDays)).execute()
      await db.deleteFrom('login_failures').where('window_ends_at', '<', daysAgo(1)).execute()
    },
  }
  const repeating = [
    { task: 'ask-open-attempts', match: '* * * * *' },
    { task: 'expire-orders', match: '* * * * *' },
    { task: 'forget-what-ended', match: '17 * * * *' },
  ]
  return startQueue(connection.pool, tasks, repeating, log)
}
