/**
 * A day on which one of each kind of difference was planted: the reconciliation finds exactly those, every repair works,
 * and afterwards nothing is open, however often it is run.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

const APP = '9021000100000001'

let system: System
let staff: ShopApi
let day: string

interface Difference {
  readonly id: number
  readonly kind: string
  readonly tradeNo: string | null
  readonly attemptNo: string | null
  readonly requestNo: string | null
  readonly orderNo: string | null
  readonly ours: string | null
  readonly theirs: string | null
  readonly repairs: string[]
  readonly repair: string | null
  readonly goneAt: string | null
}

interface Day {
  readonly reconciliation: {
    status: string
    problem: string | null
    runs: number
    openDifferences: number
    trades: number
    refunds: number
  }
  readonly differences: Difference[]
}

beforeAll(async () => {
  system = await startSystem({ environment: { ALIPAY_FEE_RATE: '0.60%' } })
  staff = system.client()
  await staff.login('admin', 'admin123456')
  await rules({ feeRate: 60 })
  day = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
})

afterAll(() => system.stop())

const rules = (change: Record<string, unknown>) => system.sandbox.send('PUT', `/merchants/${APP}`, { rules: change })

const read = async () => (await staff.call<Day>('GET', `/api/admin/reconciliations/alipay/${day}`)).body

async function run(): Promise<Day> {
  const before = await staff.call<Day>('GET', `/api/admin/reconciliations/alipay/${day}`)
  const runs = before.status === 200 ? before.body.reconciliation.runs : 0
  const { status } = await staff.call('POST', '/api/admin/reconciliations', { provider: 'alipay', day })
  expect(status).toBe(202)
  return until(read, ({ reconciliation }) => reconciliation.runs > runs && reconciliation.status === 'done')
}

async function order(pay = true): Promise<{ buyer: ShopApi; orderNo: string; payUrl: string; tradeNo: string }> {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  if (!pay) return { buyer, orderNo: body.orderNo, payUrl: body.payUrl, tradeNo: '' }
  const { trade } = await system.sandbox.pay(body.payUrl)
  return { buyer, orderNo: body.orderNo, payUrl: body.payUrl, tradeNo: trade.tradeNo }
}

const paid = ({ buyer, orderNo }: { buyer: ShopApi; orderNo: string }) =>
  until(
    () => buyer.order(orderNo),
    ({ status }) => status === 'paid',
  )

const refund = async (orderNo: string, amount: string) => {
  const body = { lines: [{ courseId: 1, amount }], amount, reason: 'reconciled' }
  const sent = await staff.call<{ requestNo: string }>('POST', `/api/admin/orders/${orderNo}/refunds`, body)
  expect(sent.status).toBe(201)
  const { requestNo } = sent.body
  await until(
    () => system.sql<{ status: string }>('select status from refunds where request_no = $1', [requestNo]),
    ([row]) => row?.status === 'succeeded',
  )
  return requestNo
}

test('a day that has not begun is refused; today is not compared before its bill is available', async () => {
  const ask = (wanted: string) =>
    staff.call<{ status: string | number }>('POST', '/api/admin/reconciliations', { provider: 'alipay', day: wanted })
  const tomorrow = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10)
  expect([(await ask(tomorrow)).status, (await ask('2026-02-30')).status]).toEqual([422, 422])
  expect((await ask(day)).status).toBe(202)
  const { reconciliation } = await until(read, (seen) => seen.reconciliation.problem !== null)
  expect(reconciliation).toMatchObject({ status: 'waiting', problem: 'BILL_NOT_READY', runs: 0 })
})

test('a day with one of each difference: found, repaired, gone, the same in every run', {
  timeout: 180_000,
}, async () => {
  // Orders without differences: paid, refunded, cancelled, never paid.
  const good = await Promise.all(Array.from({ length: 6 }, () => order()))
  await Promise.all(good.map(paid))
  await refund(good[0]?.orderNo ?? '', '39.00')
  await refund(good[1]?.orderNo ?? '', '10.00')
  const never = await order(false)
  await never.buyer.call('POST', `/api/orders/${never.orderNo}/cancel`)

  // Paid at the gateway, without a notification.
  await system.sandbox.notifications(false)
  const untold = await order()
  await system.sql("update payment_attempts set ask_at = now() + interval '1 day' where attempt_no = $1", [
    untold.orderNo,
  ])
  // The amount in our books differs, so the payment could not be settled.
  // Paid at the gateway and refunded by hand, before the shop learned of either.
  const gone = await order()
  await system.sandbox.send('POST', `/trades/${gone.tradeNo}/refund`, { amount: '39.00', outRequestNo: 'BY-HAND-2' })
  await system.sql("update payment_attempts set ask_at = now() + interval '1 day' where attempt_no = $1", [
    gone.orderNo,
  ])
  const changed = await order()
  await system.sql('update payment_attempts set amount_fen = 3800 where attempt_no = $1', [changed.orderNo])
  await system.sql("update payment_attempts set ask_at = now() + interval '1 day' where attempt_no = $1", [
    changed.orderNo,
  ])
  // A trade that is not in our books at all.
  const foreign = await order()
  await system.sql(
    "update payment_attempts set attempt_no = '00000000000000000000000000000001' where attempt_no = $1",
    [foreign.orderNo],
  )
  await system.sandbox.notifications(true)
  // Paid in our books, but unknown to the gateway.
  const invented = await order(false)
  await system.sql(
    "update payment_attempts set status = 'paid', trade_no = 'invented', paid_at = now(), ask_at = null where attempt_no = $1",
    [invented.orderNo],
  )
  // Refunded at the gateway by hand; a refund of ours that was never made; one made with another amount.
  const byHand = await order()
  await paid(byHand)
  await system.sandbox.send('POST', `/trades/${byHand.tradeNo}/refund`, { amount: '39.00', outRequestNo: 'BY-HAND-1' })
  const unmade = await order()
  await paid(unmade)
  const missing = await refund(unmade.orderNo, '5.00')
  await system.sql("update refunds set request_no = 'missing00000000000000000000000000' where request_no = $1", [
    missing,
  ])
  const less = await order()
  await paid(less)
  const odd = await refund(less.orderNo, '6.00')
  await system.sql('update refunds set amount_fen = 700 where request_no = $1', [odd])
  // A payment with a higher fee than in the contract.
  await rules({ feeRate: 100 })
  const dear = await order()
  await paid(dear)
  await rules({ feeRate: 60 })

  await system.sandbox.nextMorning()
  const first = await run()
  const facts = first.differences.map(({ kind, attemptNo, requestNo, ours, theirs }) => [
    kind,
    attemptNo,
    requestNo,
    ours,
    theirs,
  ])
  expect(facts.sort()).toEqual(
    [
      ['PAID_THERE_UNPAID_HERE', untold.orderNo, null, null, '39.00'],
      ['PAID_THERE_UNPAID_HERE', gone.orderNo, null, null, '39.00'],
      ['REFUND_MISSING_HERE', gone.orderNo, 'BY-HAND-2', null, '39.00'],
      ['AMOUNT_DIFFERS', changed.orderNo, null, '38.00', '39.00'],
      ['UNKNOWN_TRADE', foreign.orderNo, null, null, '39.00'],
      ['PAID_HERE_UNPAID_THERE', invented.orderNo, null, '39.00', null],
      ['REFUND_MISSING_HERE', byHand.orderNo, 'BY-HAND-1', null, '39.00'],
      // A refund with a different number is missing on both sides.
      ['REFUND_MISSING_HERE', unmade.orderNo, missing, null, '5.00'],
      ['REFUND_MISSING_THERE', unmade.orderNo, 'missing00000000000000000000000000', '5.00', null],
      ['REFUND_AMOUNT_DIFFERS', less.orderNo, odd, '7.00', '6.00'],
      ['FEE_DIFFERS', dear.orderNo, null, '0.23', '0.39'],
    ].sort(),
  )
  expect(first.reconciliation).toMatchObject({ trades: 14, refunds: 6, openDifferences: 11 })
  // A second run gives exactly the same.
  const again = await run()
  expect(again.differences).toEqual(first.differences)

  const repairOf: Record<string, string> = {
    PAID_THERE_UNPAID_HERE: 'settle',
    AMOUNT_DIFFERS: 'refund',
    UNKNOWN_TRADE: 'refund',
    REFUND_MISSING_HERE: 'record',
    REFUND_MISSING_THERE: 'refund',
  }
  for (const { id, kind, repairs } of again.differences) {
    const repair = repairOf[kind] ?? 'seen'
    expect(repairs).toContain(repair)
    const apply = () =>
      staff.call<Difference & { code?: string }>(
        'POST',
        `/api/admin/differences/${id}/repair`,
        { repair, note: `repaired: ${kind}` },
        { 'idempotency-key': `repair-${id}` },
      )
    const answer = await apply()
    expect([kind, answer.status, answer.body.code]).toEqual([kind, 200, undefined])
    expect((await apply()).body).toEqual(answer.body)
    // A repair cannot be repeated.
    const twice = await staff.call<{ code: string }>('POST', `/api/admin/differences/${id}/repair`, {
      repair,
      note: 'x',
    })
    expect(twice.body.code).toBe('DIFFERENCE_CLOSED')
  }

  // The results of the repairs: settled, refunded, recorded.
  expect((await untold.buyer.order(untold.orderNo)).status).toBe('paid')
  expect(await untold.buyer.ownedIds()).toEqual([1])
  for (const { orderNo } of [changed, foreign]) {
    await until(
      () => system.sandbox.trades(orderNo),
      ([trade]) => trade?.refundedAmount === '39.00',
    )
  }
  for (const { buyer, orderNo } of [byHand, gone]) {
    expect((await buyer.order(orderNo)).status).toBe('refunded')
    expect(await buyer.ownedIds()).toEqual([])
  }
  expect((await system.sandbox.trades(unmade.orderNo))[0]?.refundedAmount).toBe('10.00')

  for (let times = 0; times < 2; times += 1) {
    const after = await run()
    expect(after.reconciliation.openDifferences).toBe(0)
    expect(after.differences.filter(({ goneAt, repair }) => goneAt === null && repair === null)).toEqual([])
  }
  const log = await system.sql<{ n: number }>(
    "select count(*)::int as n from audit_log where action = 'difference.repair'",
  )
  expect(log[0]?.n).toBe(11)
})

test('the command line says the same, with its exit code', async () => {
  const run_ = promisify(execFile)
  const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const main = join(import.meta.dirname, '../../apps/shop/src/cli.ts')
  const environment = { ...process.env, DATA_DIR: system.dataDir, SANDBOX_PORT: new URL(system.sandboxUrl).port }
  const reconcile = (...args: string[]) =>
    run_(process.execPath, [...flags, main, 'reconcile', ...args], { env: environment, cwd: system.dataDir }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        code: error.code,
        stdout: error.stdout + error.stderr,
      }),
    )
  const clean = await reconcile('--date', day, '--provider', 'alipay', '--json')
  expect(clean.code).toBe(0)
  expect(JSON.parse(clean.stdout)).toMatchObject([{ provider: 'alipay', day, openDifferences: 0 }])

  await system.sql(
    `update payment_attempts set amount_fen = 1 where id = (select min(id) from payment_attempts where status = 'paid' and refunded_fen = 0)`,
  )
  const dirty = await reconcile('--date', day)
  expect(dirty.code).toBe(1)
  expect(dirty.stdout).toContain('open AMOUNT_DIFFERS')
  expect((await reconcile('--date', 'yesterday')).code).toBe(2)
  const future = await reconcile('--date', '2199-01-01')
  expect([future.code, future.stdout]).toEqual([1, expect.stringContaining('the bill is not available yet')])
})
