/**
 * What the shop relies on in a payment provider, whichever it is: a third one is a folder in `payments/providers`, a line
 * in its registry, a line in `HANDS`, and this test passing. Against the real sandbox, with nothing skipped.
 */
import { setTimeout as passing } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../apps/shop/src/config.ts'
import { toFen } from '../../../apps/shop/src/money.ts'
import { newNumber } from '../../../apps/shop/src/orders/number.ts'
import type {
  AttemptToPay,
  PayLink,
  PaymentProvider,
  RawNotification,
  RefundAnswer,
  RefundToSend,
} from '../../../apps/shop/src/payments/providers/provider.ts'
import { createProviders } from '../../../apps/shop/src/payments/providers/registry.ts'
import { type System, startSystem } from '../../harness/system.ts'

let system: System
let byName: ReadonlyMap<string, PaymentProvider>

beforeAll(async () => {
  system = await startSystem()
  const config = readConfig({
    DATA_DIR: system.dataDir,
    SANDBOX_PORT: new URL(system.sandboxUrl).port,
    PORT: new URL(system.shopUrl).port,
  })
  byName = createProviders(config, () => new Date(), pino({ level: 'silent' })).byName
}, 120_000)

afterEach(() => system.sandbox.send('DELETE', '/faults'))
afterAll(() => system?.stop())

/** What a person does in place of each gateway's buyers, and what only its own words tell. */
const HANDS: Readonly<Record<string, { pay(link: PayLink): Promise<unknown>; readonly refusal: string }>> = {
  alipay: { refusal: 'ACQ.INVALID_PARAMETER', pay: (link) => system.sandbox.send('POST', '/pay', link) },
  wechat: {
    refusal: 'NO_AUTH',
    pay: (link) => system.sandbox.send('POST', '/wechat/pay', { link: 'codeUrl' in link ? link.codeUrl : link.payUrl }),
  },
}

const PAYER = { device: 'computer', address: '203.0.113.7' } as const
const AMOUNT = toFen(3900)

const newAttempt = (provider: PaymentProvider, seconds = 1800): AttemptToPay => {
  const attemptNo = newNumber(new Date())
  const expiresAt = new Date(Math.floor(Date.now() / 1000) * 1000 + seconds * 1000)
  const subject = '契约 & “quotes” / 100 % 课程 🎓'
  return {
    attemptNo,
    orderNo: attemptNo,
    amount: AMOUNT,
    subject,
    expiresAt,
    channel: provider.channelFor(PAYER),
    merchant: null,
  }
}

const linkFor = async ({ links }: PaymentProvider, attempt: AttemptToPay): Promise<PayLink> =>
  links.made === 'here' ? links.sign(attempt) : (await links.order(attempt, PAYER)).link

test('every provider of the shop is under contract', () => {
  expect([...byName.keys()].sort()).toEqual(Object.keys(HANDS).sort())
})

describe.each(Object.keys(HANDS))('%s', (name) => {
  const provider = (): PaymentProvider => {
    const found = byName.get(name)
    if (!found) throw new Error(`the shop has no ${name}`)
    return found
  }
  const pay = async (): Promise<{ attempt: AttemptToPay; tradeNo: string }> => {
    const attempt = newAttempt(provider())
    await HANDS[name]?.pay(await linkFor(provider(), attempt))
    const trade = await provider().ask(attempt.attemptNo, null)
    if (trade.state !== 'paid') throw new Error(`it is ${trade.state}`)
    return { attempt, tradeNo: trade.tradeNo }
  }

  test('a link is made, paid, and asked about', async () => {
    const attempt = newAttempt(provider())
    expect(await provider().ask(attempt.attemptNo, null)).toEqual({ state: 'none' })
    const link = await linkFor(provider(), attempt)
    expect(['none', 'waiting']).toContain((await provider().ask(attempt.attemptNo, null)).state)
    await HANDS[name]?.pay(link)
    const paid = await provider().ask(attempt.attemptNo, null)
    expect(paid).toMatchObject({ state: 'paid', amount: AMOUNT, tradeNo: expect.stringMatching(/^\d{20,32}$/) })
    if (paid.state !== 'paid') return
    const { now } = await system.sandbox.get<{ now: string }>('/clock')
    expect(Math.abs(paid.paidAt.getTime() - Date.parse(now))).toBeLessThan(60_000)
    await expect(HANDS[name]?.pay(link)).rejects.toThrow(/ 4\d\d /)
  })

  test('an ordered link is ordered again without harm', async () => {
    const attempt = newAttempt(provider())
    await linkFor(provider(), attempt)
    const again = await linkFor(provider(), attempt)
    await HANDS[name]?.pay(again)
    expect((await provider().ask(attempt.attemptNo, null)).state).toBe('paid')
  })

  test('closing ends what waits, spends what nobody knew where it can, and leaves what is paid', async () => {
    const waiting = newAttempt(provider())
    const link = await linkFor(provider(), waiting)
    await provider().close(waiting.attemptNo, null)
    const { state } = await provider().ask(waiting.attemptNo, null)
    expect(provider().links.made === 'there' ? ['closed'] : ['none', 'closed']).toContain(state)
    if (state === 'closed') await expect(HANDS[name]?.pay(link)).rejects.toThrow(/ 4\d\d /)
    await provider().close(waiting.attemptNo, null)
    const { attempt } = await pay()
    await provider().close(attempt.attemptNo, null)
    expect((await provider().ask(attempt.attemptNo, null)).state).toBe('paid')
    await provider().close(newNumber(new Date()), null)
  })

  test('a link has an end of its own', async () => {
    // The least that each gateway takes is a minute; its clock is moved past it.
    const attempt = newAttempt(provider(), 90)
    const link = await linkFor(provider(), attempt)
    const { now } = await system.sandbox.get<{ now: string }>('/clock')
    await system.sandbox.send('POST', '/clock', { now: new Date(Date.parse(now) + 120_000).toISOString() })
    await expect(HANDS[name]?.pay(link)).rejects.toThrow(/ 4\d\d /)
    expect((await provider().ask(attempt.attemptNo, null)).state).not.toBe('paid')
  })

  test('a genuine notification is read; changed anywhere, or without its headers, it is refused', async () => {
    const { attempt, tradeNo } = await pay()
    const kept = () =>
      system.sql<{ body: Buffer; headers: Record<string, string>; content_type: string; received_at: Date }>(
        'select body, headers, content_type, received_at from notifications where provider = $1 and attempt_no = $2',
        [name, attempt.attemptNo],
      )
    await expect.poll(async () => (await kept()).length, { timeout: 15_000 }).toBeGreaterThan(0)
    const [row] = await kept()
    if (!row) return
    const { body, headers, content_type: contentType, received_at: receivedAt } = row
    const raw: RawNotification = { body, bodyBytes: body.length, contentType, headers, address: '', receivedAt }
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

  /** As the shop does it: the same request until there is an end. */
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
    expect(await refund({ ...part, amount: toFen(1000) })).toEqual({ state: 'succeeded' })
    expect(await refund({ ...part, amount: toFen(1000) })).toEqual({ state: 'succeeded' })
    const more = { ...part, requestNo: newNumber(new Date()), amount: toFen(2901) }
    expect((await refund(more)).state).toBe('refused')
    const rest = { ...part, requestNo: newNumber(new Date()), amount: toFen(2900) }
    expect(await refund(rest)).toEqual({ state: 'succeeded' })
    const state = (await provider().ask(attemptNo, null)).state
    expect(['paid', 'closed']).toContain(state)
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
    if (typeof first === 'string') expect(first).toBe('GATEWAY_UNAVAILABLE')
    expect(await refund({ ...whole })).toEqual({ state: 'succeeded' })
  }, 60_000)

  test('a refund that was made is never refused because the questions about it are', async () => {
    const { attempt, tradeNo } = await pay()
    const { attemptNo } = attempt
    const named = { attemptNo, tradeNo, requestNo: newNumber(new Date()), merchant: null }
    const whole = { ...named, paid: AMOUNT, amount: AMOUNT, reason: 'refused' }
    // Made, and nobody learns of it.
    await provider().refund({ ...whole, tries: 1 })
    await system.sandbox.send('POST', '/faults', { kind: 'business-error', subCode: HANDS[name]?.refusal })
    for (let tries = 2; tries <= 6; tries += 1) {
      expect(await provider().refund({ ...whole, tries })).toMatchObject({
        state: 'later',
        refusal: expect.any(String),
      })
    }
    expect(await provider().lookForRefund(named)).toBeUndefined()
    await system.sandbox.send('DELETE', '/faults')
    await expect.poll(() => provider().lookForRefund(named), { timeout: 15_000 }).toEqual({ state: 'succeeded' })
    expect(await provider().lookForRefund({ ...named, requestNo: newNumber(new Date()) })).toBeUndefined()
  }, 60_000)

  test('a gateway that is away is no answer: nothing is concluded', async () => {
    const { attempt } = await pay()
    await system.sandbox.send('POST', '/faults', { kind: 'http-500', scope: { outTradeNo: attempt.attemptNo } })
    await expect(provider().ask(attempt.attemptNo, null)).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
    await expect(provider().close(attempt.attemptNo, null)).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
  }, 60_000)

  test('the bill of a day has its payments and its refunds', async () => {
    const { attempt, tradeNo } = await pay()
    const requestNo = newNumber(new Date())
    const { attemptNo } = attempt
    await refund({ attemptNo, tradeNo, requestNo, paid: AMOUNT, amount: toFen(900), reason: 'bill', merchant: null })
    const { now } = await system.sandbox.get<{ now: string }>('/clock')
    const day = now.slice(0, 10)
    expect(await provider().bill(day)).toEqual({ state: 'not yet' })
    await system.sandbox.send('POST', '/clock', { now: new Date(Date.parse(now) + 25 * 3_600_000).toISOString() })
    const bill = await provider().bill(day)
    if (bill.state !== 'ready') throw new Error('there is no bill')
    const lines = bill.lines.filter((line) => line.attemptNo === attemptNo)
    expect(lines.map(({ kind, tradeNo: no, requestNo: of, amount }) => [kind, no, of, amount])).toEqual([
      ['payment', tradeNo, '', 3900],
      ['refund', tradeNo, requestNo, 900],
    ])
  }, 60_000)
})
