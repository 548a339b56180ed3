/** The trial payment of one fen: through the gateway, with everything that may go wrong, and in the books. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { processesOf } from '../harness/processes.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

let system: System
let owner: ShopApi

interface Trial {
  readonly number: string
  readonly payUrl: string | null
  readonly codeUrl: string | null
  readonly outcome: string
  readonly steps: readonly {
    step: string
    state: string
    seen: string | null
    advice: string | null
    failedCheck: string | null
  }[]
}

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
})
afterAll(() => system.stop())

async function start(device?: 'computer' | 'phone'): Promise<Trial & { payUrl: string }> {
  const wanted = { payType: 'alipay', ...(device && { device }) }
  const { status, body } = await owner.call<Trial>('POST', '/api/admin/trial-payments', wanted)
  expect(status).toBe(201)
  return { ...body, payUrl: body.payUrl ?? '' }
}
const look = async (number: string) => (await owner.call<Trial>('GET', `/api/admin/trial-payments/${number}`)).body
const stateOf = (trial: Trial, step: string) => trial.steps.find((each) => each.step === step)?.state
const passed = (number: string, limitMs = 60_000) =>
  until(
    () => look(number),
    ({ outcome }) => outcome === 'passed',
    limitMs,
  )
const there = async (number: string) => (await system.sandbox.trades(number))[0]
const refundsOf = (number: string) =>
  system.sql<{ status: string; tries: number }>(
    `select r.status, r.tries from refunds r join unmatched_payments u on u.id = r.unmatched_id where u.attempt_no = $1`,
    [number],
  )

test('a trial shows each step: link, payment, notification, query, refund, refund query', async () => {
  const key = { 'idempotency-key': 'one-trial' }
  const body = { payType: 'alipay' }
  const first = await owner.call<Trial>('POST', '/api/admin/trial-payments', body, key)
  const again = await owner.call<Trial>('POST', '/api/admin/trial-payments', body, key)
  expect(again.body.number).toBe(first.body.number)
  expect(first.body.outcome).toBe('waiting')
  expect(first.body.steps.map(({ state }) => state)).toEqual(['done', 'doing', 'todo', 'todo', 'todo', 'todo'])
  expect(first.body.steps[1]?.advice).toBe('PAY_NOW')

  const { trade } = await system.sandbox.pay(first.body.payUrl ?? '')
  const trial = await passed(first.body.number)
  expect(trial.steps.map(({ step, state }) => `${step} ${state}`)).toEqual([
    'link done',
    'payment done',
    'notification done',
    'query done',
    'refund done',
    'refund_query done',
  ])
  expect(trial.steps[1]?.seen).toBe(trade.tradeNo)
  expect(trial.payUrl).toBeNull()
  expect((await there(trial.number))?.refundedAmount).toBe('0.01')
  expect(await refundsOf(trial.number)).toHaveLength(1)
  const entries = await system.sql("select subject from audit_log where action = 'trial.start'")
  expect(entries.filter(({ subject }) => subject === `trial-payments/${trial.number}`)).toHaveLength(1)
})

test('a trial as on a phone uses the product for phones, whose way back leads to the trial', async () => {
  const trial = await start('phone')
  const link = new URL(trial.payUrl).searchParams
  expect(link.get('method')).toBe('alipay.trade.wap.pay')
  expect(JSON.parse(link.get('biz_content') ?? '')).toMatchObject({
    product_code: 'QUICK_WAP_WAY',
    quit_url: `${system.shopUrl}/admin/settings/trial`,
  })
  await system.sandbox.pay(trial.payUrl)
  await passed(trial.number)
})

test('without a notification the query finds the payment, the step says so, and the money is refunded all the same', async () => {
  await system.sandbox.notifications(false)
  const { number, payUrl } = await start()
  await system.sandbox.pay(payUrl)
  const waiting = await until(
    () => look(number),
    (trial) => stateOf(trial, 'query') === 'done',
  )
  expect(stateOf(waiting, 'notification')).toBe('doing')
  expect(stateOf(waiting, 'refund')).toBe('todo') // it gives the notification a minute
  await system.sql("update trial_payments set seen_at = seen_at - interval '61 seconds' where attempt_no = $1", [
    number,
  ])
  const trial = await until(
    () => look(number),
    (seen) => stateOf(seen, 'refund_query') === 'done',
  )
  expect(trial.steps[2]).toMatchObject({ state: 'late', advice: 'NOTIFICATION_LATE' })
  expect(trial.outcome).toBe('failed')
  expect((await there(number))?.refundedAmount).toBe('0.01')
  await system.sandbox.notifications(true)
})

test('a notification that was refused names the check that failed', async () => {
  const { number } = await start()
  await system.sql(
    `insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect,
       accepted, attempt_no)
     values ('alipay', now(), '', '', '{}', '', 0, $1, 'refused', false, $2)`,
    [JSON.stringify([{ check: 'seller', passed: false }]), number],
  )
  expect((await look(number)).steps[2]).toMatchObject({
    state: 'failed',
    advice: 'NOTIFICATION_REFUSED',
    failedCheck: 'seller',
  })
})

test('a refund whose answer was lost is made once, even when the jobs are killed meanwhile', async () => {
  const { number, payUrl } = await start()
  await system.sandbox.send('POST', '/faults', {
    kind: 'timeout-after',
    method: 'alipay.trade.refund',
    scope: { outTradeNo: number },
    times: 1,
    seconds: 10,
  })
  await system.sandbox.pay(payUrl)
  await until(
    () => refundsOf(number),
    (rows) => rows.length === 1,
  )
  for (const pid of processesOf(system.process.pid ?? 0).jobs) process.kill(pid, 'SIGKILL')
  // The claim on the payment ends a minute after its sender was killed, the job's after two.
  const passTime = async () => {
    await system.sql(
      'update unmatched_payments set refund_claimed_until = now() where refund_claimed_until is not null',
    )
    await system.sql(
      "update refunds set requested_at = requested_at - interval '10 minutes', look_at = null where status <> 'succeeded'",
    )
    await system.sql(
      "update graphile_worker._private_jobs set locked_at = locked_at - interval '10 minutes' where locked_at is not null",
    )
    // Both happen automatically, within one and five minutes.
    for (const task of ['free-lost-jobs', 'send-left-refunds'])
      await system.sql('select graphile_worker.add_job($1)', [task])
  }
  await passTime()
  // Statements of the killed process may take effect after its end: a job's lock, a claim.
  await new Promise((done) => setTimeout(done, 2000))
  await passTime()
  await passed(number, 150_000)
  expect((await there(number))?.refundedAmount).toBe('0.01')
  expect(await refundsOf(number)).toMatchObject([{ status: 'succeeded' }])
})

test('with the other method the link is a code that the gateway makes, and the rest is the same', async () => {
  const { body } = await owner.call<Trial>('POST', '/api/admin/trial-payments', { payType: 'wechat' })
  const made = await until(
    () => look(body.number),
    ({ codeUrl }) => codeUrl !== null,
  )
  await system.sandbox.send('POST', '/wechat/pay', { link: made.codeUrl })
  const trial = await passed(body.number)
  expect(trial.steps.every(({ state }) => state === 'done')).toBe(true)
  const { items } = await system.sandbox.get<{ items: { refundedAmount: string; refunds: unknown[] }[] }>(
    `/wechat/trades?outTradeNo=${body.number}`,
  )
  expect(items).toMatchObject([{ refundedAmount: '0.01' }])
  expect(items[0]?.refunds).toHaveLength(1)
})

test('the books account for the trials: nothing unmatched, all checks healthy, no sale, no difference with the bill', async () => {
  const open = await owner.call<{ items: unknown[] }>('GET', '/api/admin/unmatched-payments?state=open')
  expect(open.body.items).toEqual([])
  const health = await owner.call<{ checks: { check: string; count: number }[] }>('GET', '/api/admin/money-health')
  expect(health.body.checks.filter(({ count }) => count > 0)).toEqual([])
  expect(await system.sql('select 1 from orders')).toEqual([])

  const day = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
  await system.sandbox.nextMorning()
  await owner.call('POST', '/api/admin/reconciliations', { provider: 'alipay', day })
  const path = `/api/admin/reconciliations/alipay/${day}`
  const { body } = await until(
    () => owner.call<{ reconciliation?: { status: string; trades: number }; differences: unknown[] }>('GET', path),
    (answer) => answer.body.reconciliation?.status === 'done',
  )
  expect(body.reconciliation?.trades).toBe(4)
  expect(body.differences).toEqual([])
})
