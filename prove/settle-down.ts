/** After the last buyer and the last fault: time passes at once instead of slowly, and everything comes to its end by itself. */
import type { ShopApi } from '../tests/harness/shop-api.ts'
import type { System } from '../tests/harness/system.ts'
import { patiently, pause, persist } from './client.ts'

const REPEATING = ['ask-open-attempts', 'expire-orders', 'send-left-refunds', 'free-lost-jobs']

/** @returns whether nothing was left to do within the limit */
export async function settleDown(system: System, limitMs: number): Promise<boolean> {
  const staff = system.client()
  await persist(
    () => staff.login('admin', 'admin123456'),
    () => false,
  )
  // A day and a bit at the gateway: links end, and every notification is delivered or given up.
  await persist(
    () => system.sandbox.send('POST', '/clock', { advanceSeconds: 26 * 3600 }),
    () => false,
  )
  const end = Date.now() + limitMs
  let sentAgain = 0
  while (Date.now() < end) {
    try {
      await letTimePass(system)
      const [left] = await system.sql<{ left: number }>(
        `select (select count(*) from orders where status = 'unpaid')
              + (select count(*) from payment_attempts where status = 'open' or ask_at is not null)
              + (select count(*) from refunds where status in ('approved', 'sent'))
              + (select count(*) from graphile_worker.jobs where task_identifier in ('send-refund', 'close-attempts')) as left`,
      )
      if (Number(left?.left) === 0) {
        if (sentAgain >= 2 || (await sendRefusedAgain(system, staff)) === 0) return true
        sentAgain += 1
      }
    } catch {
      // The database was just coming back.
    }
    await pause(2500)
  }
  return false
}

/** What the shop's clock and its queue would do in the next hours. */
async function letTimePass({ sql }: System): Promise<void> {
  await sql(`update orders set expires_at = least(expires_at, now() - interval '61 seconds') where status = 'unpaid'`)
  await sql('update payment_attempts set ask_at = now() where ask_at > now()')
  await sql('update payment_attempts set refund_claimed_until = null where refund_claimed_until < now()')
  await sql('update graphile_worker._private_jobs set run_at = now() where run_at > now() and locked_at is null')
  for (const task of REPEATING) {
    await sql('select graphile_worker.add_job($1, job_key => $1, max_attempts => 1)', [task])
  }
}

/** Staff look at what the gateway refused, and send it again. @returns how many */
async function sendRefusedAgain(system: System, staff: ShopApi): Promise<number> {
  const refused = await system.sql<{ request_no: string }>("select request_no from refunds where status = 'refused'")
  for (const { request_no } of refused) {
    await patiently(staff, 'POST', `/api/admin/refunds/${request_no}/send-again`, {})
  }
  return refused.length
}
