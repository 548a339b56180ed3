/**
 * Several merchants behind one provider: each is queried about what was opened at it, and a number is sent to one only.
 */
import { describe, expect, test } from 'vitest'
import { ShopError } from '../../errors.ts'
import { toFen } from '../../money.ts'
import type { BillAnswer, BillLine, GatewayTrade, PaymentProvider, RawNotification } from '../contract.ts'
import type { MerchantInstance } from './definition.ts'
import { routedProvider } from './router.ts'

const PAID = { state: 'paid', tradeNo: 'trade', amount: toFen(100), paidAt: new Date(0) } as const
const NUMBER = '0'.repeat(32)

/** A merchant that gives the same answer for every number, and records its calls. */
function merchant(
  name: string,
  says: GatewayTrade | 'away',
  more: Partial<MerchantInstance> & { bill?: BillLine[] | BillAnswer } = {},
) {
  const calls: string[] = []
  const call = async <Answer>(what: string, answer: Answer): Promise<Answer> => {
    calls.push(what)
    if (says === 'away') throw new ShopError('GATEWAY_UNAVAILABLE')
    return answer
  }
  const provider: PaymentProvider = {
    name: 'test',
    merchant: name,
    channelFor: () => 'page',
    refundGapMs: 0,
    links: { signed: 'locally', sign: async () => ({ payUrl: name }) },
    queryTrade: () => call('ask', says === 'away' ? PAID : says),
    close: () => call('close', undefined),
    refund: () => call('refund', { state: 'succeeded' }),
    queryRefund: () => call('look', undefined),
    bill: () => {
      const { bill = [] } = more
      return call('bill', 'state' in bill ? bill : { state: 'ready', lines: bill })
    },
    readNotification: async () => {
      const { tradeNo, amount, paidAt } = PAID
      return { checks: [], attemptNo: NUMBER, paid: { attemptNo: NUMBER, tradeNo, amount, paidAt } }
    },
  }
  return {
    calls,
    instance: {
      provider,
      account: name,
      merchantOfRecord: name,
      sandbox: false,
      real: true,
      ...more,
    } satisfies MerchantInstance,
  }
}

type Merchant = ReturnType<typeof merchant>

/** The first one is in use. */
const live = (...merchants: Merchant[]) => {
  const all = merchants.map(({ instance }) => instance)
  let now = 0
  // A merchant unknown at the first query is considered gone at the next one.
  return routedProvider(
    'test',
    () => ({ inUse: all[0], all }),
    () => {
      now += 10_000
      return now
    },
  )
}

const refund = { attemptNo: NUMBER, requestNo: 'r', amount: toFen(1), paid: toFen(100), reason: '', tries: 1 }

describe('what was noted with a merchant', () => {
  test('is asked, closed and paid back there, and nobody else hears its number', async () => {
    const [now, former] = [merchant('now', { state: 'waiting' }), merchant('former', PAID)]
    const provider = live(now, former)
    expect(await provider.queryTrade(NUMBER, 'former')).toEqual({ ...PAID, merchant: 'former' })
    await provider.close(NUMBER, 'former')
    await provider.refund({ ...refund, tradeNo: 'trade', merchant: 'former' })
    expect([now.calls, former.calls]).toEqual([[], ['ask', 'close', 'refund']])
  })

  test('is asked with the newest keys of the account, no matter which application it was opened with', async () => {
    const [now, former] = [merchant('now', PAID, { account: 'one' }), merchant('former', 'away', { account: 'one' })]
    expect(await live(now, former).queryTrade(NUMBER, 'former')).toEqual({ ...PAID, merchant: 'former' })
    expect([now.calls, former.calls]).toEqual([['ask'], []])
  })

  test('whose settings are gone can be affirmed by another account, and denied by none', async () => {
    for (const state of ['none', 'closed', 'waiting'] as const) {
      const other = merchant('other', { state })
      await expect(live(other).queryTrade(NUMBER, 'gone')).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
      await expect(live(other).close(NUMBER, 'gone')).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
      expect(other.calls).toEqual(['ask'])
    }
    const silent = merchant('silent', 'away')
    expect(await live(silent, merchant('other', PAID)).queryTrade(NUMBER, 'gone')).toEqual({
      ...PAID,
      merchant: 'other',
    })
    await expect(live().queryTrade(NUMBER, 'gone')).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
  })

  test('whose settings are gone is refunded only where its trade number is', async () => {
    const stranger = merchant('stranger', { ...PAID, tradeNo: 'another' })
    expect(await live(stranger).refund({ ...refund, tradeNo: 'trade', merchant: 'gone' })).toMatchObject({
      state: 'later',
    })
    const other = merchant('other', PAID)
    expect(await live(other).refund({ ...refund, tradeNo: 'trade', merchant: 'gone' })).toEqual({ state: 'succeeded' })
    expect([stranger.calls, other.calls]).toEqual([['ask'], ['ask', 'refund']])
  })

  test('an account that does not answer delays no other', async () => {
    const silent = merchant('silent', { state: 'none' })
    silent.instance.provider.queryTrade = () => new Promise(() => {})
    const other = merchant('other', { state: 'waiting' })
    const provider = live(silent, other)
    for (let call = 0; call < 70; call += 1) provider.queryTrade(NUMBER, 'silent').catch(() => {})
    await expect(provider.queryTrade(NUMBER, 'silent')).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
    expect(await provider.queryTrade(NUMBER, 'other')).toEqual({ state: 'waiting' })
  })

  test('gets its link from that merchant or from none', async () => {
    const { links } = live(merchant('now', PAID), merchant('former', PAID))
    const attempt = { attemptNo: NUMBER, orderNo: NUMBER, page: '/', amount: toFen(1), subject: '', channel: 'page' }
    const link = (at: string) =>
      links.signed === 'locally' ? links.sign({ ...attempt, expiresAt: new Date(), merchant: at }) : undefined
    expect(await link('former')).toEqual({ payUrl: 'former' })
    await expect(link('forgotten')).rejects.toMatchObject({ code: 'PAY_METHOD_UNAVAILABLE' })
  })
})

describe('what nobody noted', () => {
  test.each([
    [{ state: 'waiting' }, PAID, 'paid'],
    [{ state: 'closed' }, PAID, 'paid'],
    ['away', PAID, 'paid'],
    [{ state: 'none' }, { state: 'closed' }, 'closed'],
    [{ state: 'closed' }, { state: 'waiting' }, 'waiting'],
    ['away', { state: 'waiting' }, 'waiting'],
  ] as const)('%j and %j: %s', async (first, second, state) => {
    expect(await live(merchant('now', first), merchant('former', second)).queryTrade(NUMBER, null)).toMatchObject({
      state,
    })
    expect(await live(merchant('now', second), merchant('former', first)).queryTrade(NUMBER, null)).toMatchObject({
      state,
    })
  })

  test.each([[{ state: 'none' }], [{ state: 'closed' }]] as const)(
    'is not known while one is away and the other says %j',
    async (said) => {
      for (const provider of [
        live(merchant('now', said), merchant('former', 'away')),
        live(merchant('now', 'away'), merchant('former', said)),
      ]) {
        await expect(provider.queryTrade(NUMBER, null)).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
      }
    },
  )

  test('is closed where it waits, and spent everywhere only where nobody knows it', async () => {
    const [now, former] = [merchant('now', { state: 'none' }), merchant('former', { state: 'waiting' })]
    await live(now, former).close(NUMBER, null)
    expect([now.calls, former.calls]).toEqual([['ask'], ['ask', 'close']])
    const [one, other] = [merchant('one', { state: 'none' }), merchant('other', { state: 'none' })]
    await live(one, other).close(NUMBER, null)
    expect([one.calls.at(-1), other.calls.at(-1)]).toEqual(['close', 'close'])
  })

  test('is paid back where its trade number is', async () => {
    const [now, former] = [merchant('now', { ...PAID, tradeNo: 'another' }), merchant('former', PAID)]
    await live(now, former).refund({ ...refund, tradeNo: 'trade', merchant: null })
    expect([now.calls, former.calls]).toEqual([['ask'], ['ask', 'refund']])
  })

  test('is paid back where its trade number is, in any state of the trade', async () => {
    const [now, former] = [
      merchant('now', { state: 'none' }),
      merchant('former', { state: 'closed', tradeNo: 'trade' }),
    ]
    await live(now, former).refund({ ...refund, tradeNo: 'trade', merchant: null })
    expect([now.calls, former.calls]).toEqual([['ask'], ['ask', 'refund']])
  })

  test('is neither paid back nor called refused where nobody knows its trade: it may be made elsewhere', async () => {
    const [now, former] = [merchant('now', { state: 'closed' }), merchant('former', { ...PAID, tradeNo: 'another' })]
    const named = { ...refund, tradeNo: 'trade', merchant: null }
    const provider = live(now, former)
    expect(await provider.refund({ ...named, tries: 4 })).toMatchObject({ state: 'later' })
    await expect(provider.queryRefund(named)).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
    expect([now.calls, former.calls]).toEqual([
      ['ask', 'ask'],
      ['ask', 'ask'],
    ])
  })
})

describe('the sandbox, once keys were entered', () => {
  const sandbox = (says: GatewayTrade) => merchant('sandbox', says, { sandbox: true })

  test('is never asked about what was not opened there', async () => {
    const box = sandbox(PAID)
    const provider = live(merchant('real', { state: 'none' }), box)
    for (const at of ['real', null]) expect(await provider.queryTrade(NUMBER, at)).toEqual({ state: 'none' })
    await expect(provider.queryTrade(NUMBER, 'forgotten')).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
    expect(box.calls).toEqual([])
  })

  test('is not asked about what was opened at a forgotten merchant either while it takes the payments', async () => {
    const box = sandbox(PAID)
    await expect(live(box).queryTrade(NUMBER, 'forgotten')).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
    expect(box.calls).toEqual([])
    await expect(live(box).queryTrade(NUMBER, null)).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
    const unpaid = sandbox({ state: 'closed' })
    expect(await live(unpaid).queryTrade(NUMBER, null)).toEqual({ state: 'closed' })
  })

  test('still closes and pays back what was opened there', async () => {
    const [real, box] = [merchant('real', { state: 'none' }), sandbox(PAID)]
    expect((await live(real, box).queryTrade(NUMBER, 'sandbox')).state).toBe('paid')
    await live(real, box).refund({ ...refund, tradeNo: 'trade', merchant: 'sandbox' })
    expect([real.calls, box.calls]).toEqual([[], ['ask', 'refund']])
    // From before merchants were recorded.
    await live(real, box).refund({ ...refund, tradeNo: 'trade', merchant: null })
    expect([real.calls.at(-1), box.calls.at(-1)]).toEqual(['ask', 'refund'])
  })

  test('pays only its own by its notifications', async () => {
    const box = sandbox(PAID)
    const raw: RawNotification = {
      ...{ body: Buffer.alloc(0), bodyBytes: 0, contentType: '', headers: {}, address: '', receivedAt: new Date() },
    }
    const refusing: Merchant = merchant('real', PAID)
    const failing = { checks: [{ check: 'signature', passed: false }] }
    refusing.instance.provider.readNotification = async () => failing
    const word = async (...merchants: Merchant[]) => (await live(...merchants).readNotification(raw)).paid?.from
    const former = await word(refusing, box)
    expect([former?.merchant, former?.pays('sandbox'), former?.pays('real')]).toEqual(['sandbox', true, false])
    expect([former?.pays(null), former?.pays('forgotten')]).toEqual([false, false])
    const inUse = await word(box, refusing)
    expect(['sandbox', 'real', 'forgotten', null].map((at) => inUse?.pays(at))).toEqual([true, false, false, false])
  })
})

describe('a notification of one merchant', () => {
  const raw: RawNotification = {
    ...{ body: Buffer.alloc(0), bodyBytes: 0, contentType: '', headers: {}, address: '', receivedAt: new Date() },
  }
  const refusing = (one: Merchant): Merchant => {
    one.instance.provider.readNotification = async () => ({ checks: [{ check: 'signature', passed: false }] })
    return one
  }
  const word = async (...merchants: Merchant[]) => (await live(...merchants).readNotification(raw)).paid?.from

  test('pays nothing of another one that is known, and what is unnoted or of nobody known', async () => {
    const [used, former] = [refusing(merchant('now', PAID)), merchant('former', PAID)]
    const all = [used.instance, former.instance]
    let now = 0
    const provider = routedProvider(
      'test',
      () => ({ inUse: used.instance, all }),
      () => now,
    )
    const from = (await provider.readNotification(raw)).paid?.from
    expect(from?.merchant).toBe('former')
    expect(['now', 'former', null].map((opened) => from?.pays(opened))).toEqual([false, true, true])
    // Another process may have loaded its settings just now.
    for (now of [0, 9999]) expect(() => from?.pays('strange')).toThrow(ShopError)
    now = 10_000
    expect(from?.pays('strange')).toBe(true)
  })

  test('pays what the same holder opened by another application or at another address, but not in the sandbox', async () => {
    const one = { merchantOfRecord: 'one' }
    const [now, former] = [merchant('now', PAID, one), merchant('former', PAID, one)]
    expect((await word(now, refusing(former)))?.pays('former')).toBe(true)
    const box = merchant('box', PAID, { ...one, sandbox: true })
    expect((await word(now, box))?.pays('box')).toBe(false)
  })
})

test('a bill is fetched once an account, and a line that two of them give stands once', async () => {
  const line: BillLine = {
    ...{ kind: 'payment', tradeNo: 'trade', attemptNo: NUMBER, requestNo: '', amount: toFen(1), fee: 0 },
    at: new Date(0),
  }
  const now = merchant('now', PAID, { account: 'one', bill: [line] })
  const former = merchant('former', PAID, { account: 'one', bill: [line] })
  const other = merchant('other', PAID, { bill: [line, { ...line, tradeNo: 'of its own' }] })
  const bill = await live(now, former, other).bill('2026-01-01', [])
  expect(bill.state === 'ready' && bill.lines.map(({ tradeNo }) => tradeNo)).toEqual(['trade', 'of its own'])
  expect([now.calls, former.calls, other.calls]).toEqual([['bill'], [], ['bill']])
})

test('a line is of another application only if no merchant of the shop, retired ones included, has its name', async () => {
  const line = (tradeNo: string, of?: string): BillLine => ({
    ...{ kind: 'payment', tradeNo, attemptNo: NUMBER, requestNo: '', amount: toFen(1), fee: 0, at: new Date(0) },
    ...(of !== undefined && { merchant: of }),
  })
  const bill = [line('1', 'now'), line('2', 'former'), line('3', 'strange'), line('4')]
  const [now, former] = [merchant('now', PAID, { account: 'one', bill }), merchant('former', PAID, { account: 'one' })]
  const read = await live(now, former).bill('2026-01-01', [])
  expect(read.state === 'ready' && read.lines.map((each) => each.isOfAnotherApplication)).toEqual([
    ...[undefined, undefined, true, undefined],
  ])
})

test('a retired account that offers no bill ends a day only if it had trades then', async () => {
  const now = merchant('now', PAID)
  const none = { state: 'not offered' } as const
  const former = merchant('former', PAID, { account: 'one', bill: none })
  const state = async (tradedAt: (string | null)[], ...merchants: Merchant[]) =>
    (await live(...merchants).bill('2026-01-01', tradedAt)).state
  expect(await state(['now'], now, former)).toBe('ready')
  expect(await state(['former'], now, former)).toBe('not offered')
  expect(await state([null], now, former)).toBe('not offered')
  expect(await state([], former, now)).toBe('not offered')
  expect(await state([], merchant('now', PAID, { bill: { state: 'none' } }), former)).toBe('none')
})
