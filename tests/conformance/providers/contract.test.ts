import { setTimeout as passing } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { toFen } from '../../../apps/shop/src/money.ts'
import { newNumber } from '../../../apps/shop/src/orders/number.ts'
import type {
  AttemptToPay,
  PaymentProvider,
  RefundAnswer,
  RefundToSend,
} from '../../../apps/shop/src/payments/contract.ts'
import { AMOUNT, byName, DEVICES, HANDS, handOf, linkFor, newAttempt, notificationsOf, payerAt, system } from './rig.ts'

/** With the gateway's own time, by which its bill lists it. */
const MADE = { state: 'succeeded', at: expect.any(Date) }

test('every provider of the shop is under contract', () => {
  expect([...byName.keys()].sort()).toEqual(Object.keys(HANDS).sort())
})

describe.each(Object.keys(HANDS))('%s', (name) => {
  const hand = handOf(name)
  const provider = (): PaymentProvider => {
    const found = byName.get(name)
    if (!found) throw new Error(`the shop has no ${name}`)
    return found
  }
  const pay = async (): Promise<{ attempt: AttemptToPay; tradeNo: string }> => {
    const attempt = newAttempt(provider())
    await hand.pay(await linkFor(provider(), attempt))
    const trade = await provider().queryTrade(attempt.attemptNo, provider().merchant ?? null)
    if (trade.state !== 'paid') throw new Error(`it is ${trade.state}`)
    return { attempt, tradeNo: trade.tradeNo }
  }

  test.each(DEVICES)('a link for a %s is created, paid and queried', async (device) => {
    const payer = payerAt(device)
    const attempt = newAttempt(provider(), 1800, payer)
    expect(await provider().queryTrade(attempt.attemptNo, provider().merchant ?? null)).toEqual({ state: 'none' })
    const link = await linkFor(provider(), attempt, payer)
    expect(['none', 'waiting']).toContain(
      (await provider().queryTrade(attempt.attemptNo, provider().merchant ?? null)).state,
    )
    await hand.pay(link)
    const paid = await provider().queryTrade(attempt.attemptNo, provider().merchant ?? null)
    expect(paid).toMatchObject({ state: 'paid', amount: AMOUNT, tradeNo: expect.stringMatching(/^\d{20,32}$/) })
    if (paid.state !== 'paid') throw new Error(`it is ${paid.state}`)
    const { now } = await system.sandbox.get<{ now: string }>('/clock')
    expect(Math.abs(paid.paidAt.getTime() - Date.parse(now))).toBeLessThan(60_000)
    await expect(hand.pay(link)).rejects.toThrow(/ 4\d\d /)
  })

  test('an order that the gateway refuses is neither an unknown outcome nor an internal error', async () => {
    const late = newAttempt(provider(), 30 * 86_400)
    await expect(linkFor(provider(), late)).rejects.toMatchObject({ code: 'PAYMENT_DETAILS' })
  })

  test('a link can be requested again without harm', async () => {
    const attempt = newAttempt(provider())
    await linkFor(provider(), attempt)
    const again = await linkFor(provider(), attempt)
    await hand.pay(again)
    expect((await provider().queryTrade(attempt.attemptNo, provider().merchant ?? null)).state).toBe('paid')
  })

  test('closing ends a waiting trade, blocks an unknown number where possible, and leaves a paid trade', async () => {
    const waiting = newAttempt(provider())
    const link = await linkFor(provider(), waiting)
    await provider().close(waiting.attemptNo, provider().merchant ?? null)
    const { state } = await provider().queryTrade(waiting.attemptNo, provider().merchant ?? null)
    expect(provider().links.signed === 'at the gateway' ? ['closed'] : ['none', 'closed']).toContain(state)
    // A provider that signs links locally has nothing to close yet: such a link expires at its own time limit.
    const scanned = await hand.pay(link).then(
      () => 'paid',
      (error: Error) => error.message,
    )
    expect(scanned).toMatch(state === 'closed' ? / 4\d\d / : /^paid$/)
    await provider().close(waiting.attemptNo, provider().merchant ?? null)
    const { attempt } = await pay()
    await provider().close(attempt.attemptNo, provider().merchant ?? null)
    expect((await provider().queryTrade(attempt.attemptNo, provider().merchant ?? null)).state).toBe('paid')
    await provider().close(newNumber(new Date()), provider().merchant ?? null)
  })

  test('a link expires by itself', async () => {
    // A minute is the shortest limit that every gateway accepts; its clock is moved past it.
    const attempt = newAttempt(provider(), 90)
    const link = await linkFor(provider(), attempt)
    const { now } = await system.sandbox.get<{ now: string }>('/clock')
    await system.sandbox.send('POST', '/clock', { now: new Date(Date.parse(now) + 120_000).toISOString() })
    await expect(hand.pay(link)).rejects.toThrow(/ 4\d\d /)
    expect((await provider().queryTrade(attempt.attemptNo, provider().merchant ?? null)).state).not.toBe('paid')
  })

  test('a genuine notification is accepted; altered anywhere, or without its headers, it is refused', async () => {
    const { attempt, tradeNo } = await pay()
    const [raw] = await notificationsOf(name, attempt.attemptNo, 1)
    if (!raw) throw new Error('no notification arrived')
    const { body } = raw
    const read = await provider().readNotification(raw)
    expect(read.checks.filter(({ passed }) => !passed)).toEqual([])
    expect(read.paid).toMatchObject({ attemptNo: attempt.attemptNo, tradeNo, amount: AMOUNT })
    for (let at = 3; at < body.length; at += Math.ceil(body.length / 40)) {
      const changed = Buffer.from(body)
      changed[at] = (changed[at] ?? 0) ^ 1
      const lie = await provider().readNotification({ ...raw, body: changed })
      expect(lie.paid, `byte ${at}`).toBeUndefined()
    }
    for (const nonsense of ['', 'null', '{}', '[]', 'a=1', '\0']) {
      const lie = await provider().readNotification({ ...raw, body: Buffer.from(nonsense), headers: {} })
      expect(lie.paid).toBeUndefined()
      expect(lie.checks.some(({ passed }) => !passed)).toBe(true)
    }
  })

  test('a genuine notification of another application, seller or amount is not accepted as ours', async () => {
    const { attempt } = await pay()
    const { attemptNo } = attempt
    await notificationsOf(name, attemptNo, 1)
    const { items } = await system.sandbox.get<{ items: { id: number }[] }>(
      `${hand.deliveries}?outTradeNo=${attemptNo}`,
    )
    const replay = async (tamper: string) => {
      const before = (await notificationsOf(name, attemptNo, 1)).length
      await system.sandbox.send('POST', `${hand.deliveries}/${items[0]?.id}/replay`, { tamper })
      const raw = (await notificationsOf(name, attemptNo, before + 1)).at(-1)
      if (!raw) throw new Error('no notification arrived')
      return provider().readNotification(raw)
    }
    for (const [tamper, check] of [
      ['wrong-app-id', 'application'],
      ['wrong-seller-id', 'seller'],
    ] as const) {
      const read = await replay(tamper)
      expect(read.checks.filter(({ passed }) => !passed).map((each) => each.check)).toEqual([check])
      expect(read.checks).toContainEqual(expect.objectContaining({ check: 'signature', passed: true }))
      expect(read.paid).toBeUndefined()
      expect(read.nothingToDo).toBeUndefined()
    }
    // The amount is reported as it was signed: the shop notices that it differs.
    expect((await replay('wrong-amount')).paid).toMatchObject({ attemptNo, amount: AMOUNT + 1 })
  }, 60_000)

  /** Like the shop: repeats the same request until it has a final answer. */
  const refund = async (wanted: Omit<RefundToSend, 'tries'>, most = 12): Promise<RefundAnswer> => {
    let answer: RefundAnswer = { state: 'later', refusal: '' }
    for (let tries = 1; tries <= most; tries += 1) {
      answer = await provider().refund({ ...wanted, tries })
      if (answer.state === 'succeeded' || answer.state === 'refused') return answer
      await passing(500)
    }
    return answer
  }

  test('refunds: in parts, never twice with a number, never more than was paid', async () => {
    const { attempt, tradeNo } = await pay()
    const { attemptNo } = attempt
    const part = { attemptNo, tradeNo, requestNo: newNumber(new Date()), paid: AMOUNT, reason: '退课', merchant: null }
    expect(await refund({ ...part, amount: toFen(1000) })).toEqual(MADE)
    expect(await refund({ ...part, amount: toFen(1000) })).toEqual(MADE)
    const more = { ...part, requestNo: newNumber(new Date()), amount: toFen(2901) }
    expect((await refund(more)).state).toBe('refused')
    const rest = { ...part, requestNo: newNumber(new Date()), amount: toFen(2900) }
    // Waiting as long as the provider states is enough for its gateway.
    await system.sandbox.send('POST', '/clock', { advanceSeconds: provider().refundGapMs / 1000 })
    expect(await refund(rest)).toEqual(MADE)
    // Fully refunded, it still counts as paid.
    expect(await provider().queryTrade(attemptNo, provider().merchant ?? null)).toMatchObject({
      state: 'paid',
      tradeNo,
      amount: AMOUNT,
    })
  }, 60_000)

  test('the notification of a refund is genuine, and does not report a payment', async () => {
    const { attempt, tradeNo } = await pay()
    const { attemptNo } = attempt
    await notificationsOf(name, attemptNo, 1)
    const requestNo = newNumber(new Date())
    const part = {
      attemptNo,
      tradeNo,
      requestNo,
      paid: AMOUNT,
      amount: toFen(1000),
      reason: 'contract test',
      merchant: null,
    }
    expect(await refund(part)).toEqual(MADE)
    const [, raw] = await notificationsOf(name, attemptNo, 2)
    if (!raw) throw new Error('no notification arrived')
    const read = await provider().readNotification(raw)
    expect(read.checks.filter(({ passed }) => !passed)).toEqual([])
    expect(read).toMatchObject({ attemptNo, tradeNo, nothingToDo: true })
    expect(read.paid).toBeUndefined()
    expect(read.refundNo).toBe(hand.namesRefunds ? requestNo : undefined)
    const changed = Buffer.from(raw.body)
    changed[40] = (changed[40] ?? 0) ^ 1
    const lie = await provider().readNotification({ ...raw, body: changed })
    expect(lie.checks.some(({ passed }) => !passed)).toBe(true)
    expect(lie.refundNo).toBeUndefined()
    expect(lie.nothingToDo).toBeUndefined()
  }, 60_000)

  test('a refund whose answer is lost is found to have been made', async () => {
    const { attempt, tradeNo } = await pay()
    const { attemptNo } = attempt
    const whole = {
      attemptNo,
      tradeNo,
      requestNo: newNumber(new Date()),
      paid: AMOUNT,
      amount: AMOUNT,
      reason: 'lost',
      merchant: null,
    }
    await system.sandbox.send('POST', '/faults', { kind: 'system-error', scope: { outTradeNo: attemptNo }, times: 2 })
    const first = await provider()
      .refund({ ...whole, tries: 1 })
      .catch((error: Error & { code?: string }) => error.code)
    // Either it had no answer that it could trust, or its own query found the state of the refund.
    expect(typeof first === 'string' ? first : 'answered').toMatch(/^(GATEWAY_UNAVAILABLE|answered)$/)
    expect(await refund({ ...whole })).toEqual(MADE)
  }, 60_000)

  test('a refund that was made is not recorded as refused because queries about it are refused', async () => {
    const { attempt, tradeNo } = await pay()
    const { attemptNo } = attempt
    const named = { attemptNo, tradeNo, requestNo: newNumber(new Date()), merchant: provider().merchant ?? null }
    const whole = { ...named, paid: AMOUNT, amount: AMOUNT, reason: 'refused' }
    // Made, but the answer is lost.
    await provider().refund({ ...whole, tries: 1 })
    await system.sandbox.send('POST', '/faults', { kind: 'business-error', subCode: hand.refusal })
    for (let tries = 2; tries <= 6; tries += 1) {
      expect(await provider().refund({ ...whole, tries })).toMatchObject({
        state: 'later',
        refusal: expect.any(String),
        unmade: false,
      })
    }
    expect(await provider().queryRefund(named)).toBeUndefined()
    await system.sandbox.send('DELETE', '/faults')
    await expect.poll(() => provider().queryRefund(named), { timeout: 15_000 }).toEqual(MADE)
    expect(await provider().queryRefund({ ...named, requestNo: newNumber(new Date()) })).toEqual({ state: 'none' })
  }, 60_000)

  test('nothing is concluded from an unreachable gateway', async () => {
    const { attempt } = await pay()
    await system.sandbox.send('POST', '/faults', { kind: 'http-500', scope: { outTradeNo: attempt.attemptNo } })
    await expect(provider().queryTrade(attempt.attemptNo, provider().merchant ?? null)).rejects.toMatchObject({
      code: 'GATEWAY_UNAVAILABLE',
    })
    await expect(provider().close(attempt.attemptNo, provider().merchant ?? null)).rejects.toMatchObject({
      code: 'GATEWAY_UNAVAILABLE',
    })
  }, 60_000)

  test('the bill of a day has its payments and its refunds', async () => {
    const { attempt, tradeNo } = await pay()
    const requestNo = newNumber(new Date())
    const { attemptNo } = attempt
    await refund({ attemptNo, tradeNo, requestNo, paid: AMOUNT, amount: toFen(900), reason: 'bill', merchant: null })
    const { now } = await system.sandbox.get<{ now: string }>('/clock')
    const day = now.slice(0, 10)
    expect(await provider().bill(day, [])).toEqual({ state: 'not yet' })
    await system.sandbox.nextMorning()
    const bill = await provider().bill(day, [])
    if (bill.state !== 'ready') throw new Error('there is no bill')
    const lines = bill.lines.filter((line) => line.attemptNo === attemptNo)
    expect(lines.map(({ kind, tradeNo: no, requestNo: of, amount }) => [kind, no, of, amount])).toEqual([
      ['payment', tradeNo, '', 3900],
      ['refund', tradeNo, requestNo, 900],
    ])
  }, 60_000)
})
