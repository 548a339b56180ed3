/** After the last buyer and the last fault: time is fast-forwarded until everything has finished by itself. */
import type { ShopApi } from '../tests/harness/shop-api.ts'
import type { System } from '../tests/harness/system.ts'
import { patiently, pause, persist } from './client.ts'

const REPEATING = ['ask-open-attempts', 'expire-orders', 'send-left-refunds', 'free-lost-jobs']

const A_DAY_AND_MORE_MS = 26 * 3_600_000

export interface SettledDown {
  /** Whether nothing was left to do within the limit. */
  readonly quiet: boolean
  /** When the gateway's clock was moved ahead. */
  readonly movedAt: number
}

export async function settleDown(system: System, limitMs: number): Promise<SettledDown> {
  const staff = system.client()
  await persist(() => staff.login('admin', 'admin123456'))
  // A day and a bit at the gateway: links expire, and every notification is delivered or given up.
  const movedAt = Date.now()
  await advance(system)
  const end = Date.now() + limitMs
  let sentAgain = 0
  while (Date.now() < end) {
    try {
      await letTimePass(system)
      await nameOtherAccounts(system)
      const [left] = await system.sql<{ left: number }>(
        `select (select count(*) from orders where status = 'unpaid')
              + (select count(*) from payment_attempts where status = 'open' or ask_at is not null)
              + (select count(*) from refunds where status in ('approved', 'sent'))
              + (select count(*) from graphile_worker.jobs where task_identifier in ('send-refund', 'close-attempts')) as left`,
      )
      if (Number(left?.left) === 0) {
        if (sentAgain >= 2 || (await sendRefusedAgain(system, staff)) === 0) return { quiet: true, movedAt }
        sentAgain += 1
      }
    } catch {
      // The database was just coming back.
    }
    await pause(2000)
  }
  return { quiet: false, movedAt }
}

/** An absolute target, so that repeating a call whose answer was lost does no harm. */
async function advance({ sandbox }: System): Promise<void> {
  const { now } = (await persist(() => sandbox.get<{ now: string }>('/clock'))) ?? { now: new Date().toISOString() }
  const target = new Date(Date.parse(now) + A_DAY_AND_MORE_MS).toISOString()
  for (let tries = 0; tries < 5; tries += 1) {
    try {
      return await sandbox.send('POST', '/clock', { now: target })
    } catch (error) {
      if (/ 409 /.test(String(error))) return
      await pause(1000)
    }
  }
}

/** What the shop's clock and its queue would do in the next hours. */
async function letTimePass({ sql, sandbox }: System): Promise<void> {
  await sql(`update orders set expires_at = least(expires_at, now() - interval '61 seconds') where status = 'unpaid'`)
  await sql('update payment_attempts set ask_at = now() where ask_at > now()')
  // Refunds of one payment must be a minute apart, at the gateway and in the shop.
  await sandbox.send('POST', '/clock', { advanceSeconds: 62 })
  await sql(
    `update refunds set sent_at = sent_at - interval '62 seconds' where sent_at > now() - interval '62 seconds'`,
  )
  // A process that holds a claim this long was killed; the shop itself waits longer before it takes over.
  await sql(
    `update payment_attempts set refund_claimed_until = null where refund_claimed_until < now() + interval '35 s'`,
  )
  await sql(`update graphile_worker._private_jobs set locked_at = locked_at - interval '2 min'
    where locked_at between now() - interval '2 min' and now() - interval '25 s'`)
  await sql('update graphile_worker._private_jobs set run_at = now() where run_at > now() and locked_at is null')
  for (const task of REPEATING) {
    await sql('select graphile_worker.add_job($1, job_key => $1, max_attempts => 1)', [task])
  }
}

/** A refund stuck at WeChat (ABNORMAL) continues once the merchant has named another account in WeChat's console. */
async function nameOtherAccounts({ sql, sandbox }: System): Promise<void> {
  const { items } = await sandbox.get<{ items: { mchId: string }[] }>('/wechat/merchants')
  const sent = await sql<{ request_no: string }>(
    `select r.request_no from refunds r join payment_attempts a on a.id = r.attempt_id
     where r.status = 'sent' and a.provider = 'wechat' and r.sent_at < now() - interval '20 s'`,
  )
  for (const { mchId } of items)
    for (const { request_no } of sent) {
      const end = sandbox.send('POST', `/wechat/refunds/${request_no}/end`, { mchId, status: 'SUCCESS' })
      // It does not exist there if the call was lost: it is sent again first.
      await end.catch(() => {})
    }
}

/** Staff look at refused refunds and send them again. @returns how many */
async function sendRefusedAgain(system: System, staff: ShopApi): Promise<number> {
  const refused = await system.sql<{ request_no: string }>("select request_no from refunds where status = 'refused'")
  for (const { request_no } of refused) {
    await patiently(staff, 'POST', `/api/admin/refunds/${request_no}/send-again`, {})
  }
  return refused.length
}
