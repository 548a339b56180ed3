/** Runs of the reconciliation: missed days, killed runs, bills that are wrong or gone. */
import { expect, test } from 'vitest'
import { HEALTH_CHECKS, runCheck } from '../../../apps/shop/src/health/checks.ts'
import type { BillAnswer, PaymentProvider } from '../../../apps/shop/src/payments/contract.ts'
import { findProvider } from '../../../apps/shop/src/payments/payments.ts'
import { reconcileDueDays, reconcileWanted } from '../../../apps/shop/src/reconciliation/daily.ts'
import { readDay } from '../../../apps/shop/src/reconciliation/read.ts'
import { reconcileDay, requestDay } from '../../../apps/shop/src/reconciliation/run.ts'
import { kinds, yuan } from '../days.ts'
import { METHODS } from '../gateway.ts'
import { days, db, line, nextDay, open, paid, run, today } from './rig.ts'

test('missed days are processed in order, and unfinished ones stay visible', async () => {
  await paid()
  for (let day = 0; day < 20; day += 1) nextDay()
  const requested: string[] = []
  const { payments } = days.harness
  const provider = payments.providers.get('alipay')
  if (!provider) throw new Error('no provider')
  const noting = {
    ...provider,
    bill: async (day: string) => {
      requested.push(day)
      return { state: 'not yet' } as const
    },
  }
  await reconcileDueDays({ ...payments, providers: new Map([['alipay', noting]]) })
  expect(requested).toHaveLength(7)
  expect(requested).toEqual([...requested].sort())
  const rows = await db()
    .selectFrom('reconciliations')
    .select(['day', 'status'])
    .where('provider', '=', 'alipay')
    .execute()
  // Also days before the last seven: they are no longer reconciled automatically, and must not be forgotten.
  expect(rows.filter(({ status }) => status === 'failed').length).toBeGreaterThan(7)
})

test('a killed run counts as running, not as done, and can be requested again', async () => {
  const day = today()
  nextDay()
  const wanted = { provider: 'alipay', day }
  days.harness.gateway.bills.set(`alipay ${day}`, [])
  const now = days.harness.payments.clock()
  const until = new Date(now.getTime() + 5 * 60_000)
  await db()
    .insertInto('reconciliations')
    .values({ ...wanted, status: 'running', requested_at: now, started_at: now, running_until: until })
    .execute()
  await expect(reconcileWanted(days.harness.payments, wanted)).rejects.toThrow('coming again')
  expect((await readDay(db(), wanted, days.harness.payments.clock())).status).toBe('running')
  days.harness.pass(6 * 60)
  expect(await readDay(db(), wanted, days.harness.payments.clock())).toMatchObject({
    status: 'failed',
    problem: 'INTERRUPTED',
  })
  await db()
    .transaction()
    .execute((tx) => requestDay(tx, wanted, days.harness.payments.clock()))
  expect((await readDay(db(), wanted, days.harness.payments.clock())).status).toBe('waiting')
  expect(await reconcileDay(days.harness.payments, wanted)).toBe('done')
})

/** Runs the day again with another answer of the gateway. */
async function runAgain(day: string, answer: BillAnswer) {
  days.harness.gateway.bills.set(`alipay ${day}`, answer)
  const outcome = await reconcileDay(days.harness.payments, { provider: 'alipay', day })
  return { outcome, ...(await readDay(db(), { provider: 'alipay', day }, days.harness.payments.clock())) }
}

test('fees are added with their sign, and the totals that the bill states are kept', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const lines = [
    { ...line(one, 'payment', one.amount), fee: 83 },
    { ...line(one, 'refund', yuan(1), 'HAND-F'), fee: -60 },
  ]
  const summary = { serviceFee: -23 }
  expect(await runAgain(day, { state: 'ready', lines, summary })).toMatchObject({ fees: '0.23', summary })
})

test('a bill that contradicts itself has a state of its own, and nothing of it counts', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  expect(await runAgain(day, { state: 'contradictory' })).toMatchObject({
    ...{ outcome: 'contradictory', status: 'contradictory', problem: 'BILL_CONTRADICTS_ITSELF', trades: null },
  })
  expect(await open(day)).toEqual([])
  expect(kinds(await run(day, [line(one, 'payment', one.amount)]))).toEqual([])
})

test('a day that is run again after its bill is gone keeps its result', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const found = await run(day, [line(one, 'payment', yuan(1))])
  expect(kinds(found)).toEqual(['AMOUNT_DIFFERS'])
  for (const state of ['not offered', 'none'] as const) {
    expect(await runAgain(day, { state })).toMatchObject({
      ...{ outcome: 'not offered', status: 'done', problem: 'BILL_NOT_OFFERED', trades: 1, runs: 1 },
    })
    expect(await open(day)).toEqual(found)
  }
  // So does one whose gateway is unreachable.
  days.harness.gateway.mood = 'away'
  const again = reconcileDay(days.harness.payments, { provider: 'alipay', day })
  await expect(again).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
  days.harness.gateway.mood = 'answers'
  const after = await readDay(db(), { provider: 'alipay', day }, days.harness.payments.clock())
  expect(after).toMatchObject({ status: 'done', problem: 'GATEWAY_UNAVAILABLE', trades: 1 })
})

test('a day whose bill the gateway does not offer needs no action', async () => {
  const day = '2015-06-01'
  expect(await runAgain(day, { state: 'not offered' })).toMatchObject({ status: 'not_offered', trades: null })
  days.harness.pass(3600)
  const check = HEALTH_CHECKS.find(({ name }) => name === 'day_not_reconciled')
  if (!check) throw new Error('no check')
  expect((await runCheck(db(), check)).rows.map(({ subject }) => subject)).not.toContain(day)
})

test("one method's error does not end the other's run", async () => {
  const day = today()
  const { payments, gateway } = days.harness
  await Promise.all(METHODS.map((method) => paid([1], method)))
  nextDay()
  gateway.bills.set(`wechat ${day}`, { state: 'none' })
  const broken: PaymentProvider = {
    ...findProvider(payments, 'alipay'),
    bill: async () => {
      throw new TypeError('a bug')
    },
  }
  await reconcileDueDays({ ...payments, providers: new Map([...payments.providers, ['alipay', broken]]) })
  const rows = await db().selectFrom('reconciliations').select(['provider', 'status']).where('day', '=', day).execute()
  expect(rows.sort((left, right) => (left.provider < right.provider ? -1 : 1))).toEqual([
    { provider: 'alipay', status: 'failed' },
    { provider: 'wechat', status: 'done' },
  ])
})
