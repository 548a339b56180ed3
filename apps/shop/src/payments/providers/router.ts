/**
 * A provider whose settings may change while the shop runs. New payments go to the merchant in use, which is recorded
 * with each; what was begun with a retired one is queried, closed and refunded there, and nowhere else.
 */
import { ShopError } from '../../errors.ts'
import type {
  AttemptToPay,
  BillLine,
  BillSummary,
  GatewayTrade,
  Links,
  PaidNotice,
  PaymentProvider,
  ReadNotification,
  RefundRef,
} from '../contract.ts'
import { withCircuitBreaker } from './circuit-breaker.ts'
import type { MerchantInstance } from './definition.ts'

/** The current merchant instances. */
export interface MerchantInstances<Provider extends PaymentProvider = PaymentProvider> {
  /** Takes new payments. */
  readonly inUse: MerchantInstance<Provider> | undefined
  /** All of them, the one in use first, including retired keys of the same merchant. */
  readonly all: readonly MerchantInstance<Provider>[]
}

/** If several know a number, the answer with the greatest weight counts. */
const WEIGHT = { none: 0, closed: 1, waiting: 2, paid: 3 } as const

/** Every process reloads changed settings far more often than this: a merchant still unknown after it is gone. */
const LOADED_WITHIN_MS = 10_000

interface Found {
  readonly provider: PaymentProvider
  readonly trade: GatewayTrade
}

export function routedProvider(
  name: string,
  instances: () => MerchantInstances,
  now: () => number = () => performance.now(),
): PaymentProvider {
  const calling = withCircuitBreaker()
  /** Merchants that this process has no settings for, with the time when they were first asked for. */
  const unknownSince = new Map<string, number>()
  const inUse = (): PaymentProvider => {
    const instance = instances().inUse
    if (!instance) throw new ShopError('PAY_METHOD_UNAVAILABLE')
    return instance.provider
  }

  /**
   * The providers to query about what was opened at this merchant: the newest keys of its account. If the merchant was
   * not recorded, or its settings are gone, every account is queried; the sandbox only if the merchant was not recorded
   * and the sandbox is in use.
   */
  function providersFor(merchant: string | null): PaymentProvider[] {
    const { all, inUse: used } = instances()
    // guard: queried-where-opened
    const own = all.find(({ provider }) => provider.merchant === merchant)
    if (merchant !== null && !own && mayBeLoadedSoon(merchant)) throw new ShopError('GATEWAY_UNAVAILABLE')
    const asked = firstOfEach(
      own
        ? all.filter(({ account }) => account === own.account)
        : all.filter((each) => !each.sandbox || (each === used && merchant === null)),
    )
    if (asked.length === 0) throw new ShopError('GATEWAY_UNAVAILABLE')
    return asked
  }

  /** Another process may have opened it with settings that this one has not loaded yet, which takes seconds. */
  function mayBeLoadedSoon(merchant: string): boolean {
    const since = unknownSince.get(merchant) ?? now()
    unknownSince.set(merchant, since)
    return now() - since < LOADED_WITHIN_MS
  }

  /** Whether this instance's report of a payment counts for what was opened at the given merchant. */
  function reportCounts({ provider, merchantOfRecord, sandbox }: MerchantInstance, opened: string | null): boolean {
    const { all } = instances()
    if (opened !== null && opened === provider.merchant) return true
    // Anyone who can reach the sandbox can make it report anything.
    if (sandbox) return false
    if (opened === null) return true
    const own = all.find((each) => each.provider.merchant === opened)
    if (own) return own.merchantOfRecord === merchantOfRecord && !own.sandbox
    if (mayBeLoadedSoon(opened)) throw new ShopError('GATEWAY_UNAVAILABLE')
    return true
  }

  const withReporter = (paid: PaidNotice, instance: MerchantInstance): PaidNotice => ({
    ...paid,
    from: { merchant: instance.provider.merchant ?? null, pays: (opened) => reportCounts(instance, opened) },
  })

  const isSandbox = (provider: PaymentProvider): boolean =>
    instances().all.some((each) => each.provider === provider && each.sandbox)

  const isRecorded = (merchant: string | null): boolean =>
    instances().all.some(({ provider }) => provider.merchant === merchant)

  /**
   * Queries all of them. If one gives no answer, it may have been paid there: "closed" or "none" from the others is not
   * enough.
   */
  async function find(providers: readonly PaymentProvider[], attemptNo: string, merchant: string | null) {
    let best: Found | undefined
    let failure: unknown
    for (const provider of providers) {
      try {
        const trade = await calling(() => provider.queryTrade(attemptNo, merchant))
        if (trade.state === 'paid') return { provider, trade }
        if (!best || WEIGHT[trade.state] > WEIGHT[best.trade.state]) best = { provider, trade }
      } catch (error) {
        failure ??= error
      }
    }
    if (!best || (failure !== undefined && best.trade.state !== 'waiting')) throw failure
    return best
  }

  /** The provider that has the trade, among the possible ones. Undefined if all of several answer and none has it. */
  async function paidAt({ tradeNo, attemptNo, merchant }: RefundRef): Promise<PaymentProvider | undefined> {
    const known = providersFor(merchant)
    const [first] = known
    // What was paid at the sandbox before the keys were entered, and before merchants were recorded, is refunded there.
    const asked = isRecorded(merchant) ? known : [...new Set([...known, ...firstOfEach(instances().all)])]
    if (asked.length === 1 && first) return first
    let failure: unknown
    for (const provider of asked) {
      try {
        const trade = await calling(() => provider.queryTrade(attemptNo, merchant))
        if ('tradeNo' in trade && trade.tradeNo === tradeNo) return provider
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
    // A merchant that does not know the trade would deny the refund as well, though it may have been made elsewhere.
    return undefined
  }

  /** Links are made only with the keys that the attempt was opened with. */
  function linksOf<Signed extends Links['signed']>(
    signed: Signed,
    { merchant }: AttemptToPay,
  ): Extract<Links, { signed: Signed }> {
    const { all } = instances()
    // guard: link-keys
    const instance = merchant === null ? all[0] : all.find(({ provider }) => provider.merchant === merchant)
    const links = instance?.provider.links
    if (links?.signed !== signed) throw new ShopError('PAY_METHOD_UNAVAILABLE')
    return links as Extract<Links, { signed: Signed }>
  }

  return {
    name,
    get merchant() {
      return instances().inUse?.provider.merchant
    },
    channelFor: (client) => inUse().channelFor(client),
    get refundGapMs() {
      return (instances().all[0]?.provider ?? inUse()).refundGapMs
    },
    // With no merchant in use, an open attempt can still be paid at the merchant it was opened at.
    get links(): Links {
      return (instances().all[0]?.provider ?? inUse()).links.signed === 'locally'
        ? { signed: 'locally', sign: async (attempt) => linksOf('locally', attempt).sign(attempt) }
        : {
            signed: 'at the gateway',
            request: (attempt, client) =>
              calling(async () => linksOf('at the gateway', attempt).request(attempt, client)),
          }
    },

    async queryTrade(attemptNo, merchant) {
      const known = providersFor(merchant)
      const { provider, trade } = await find(known, attemptNo, merchant)
      if (trade.state !== 'paid') return trade
      // Anyone who can reach the sandbox can make it report anything.
      if (isSandbox(provider) && provider.merchant !== merchant) throw new ShopError('GATEWAY_UNAVAILABLE')
      return { ...trade, merchant: isRecorded(merchant) ? merchant : (provider.merchant ?? null) }
    },

    async close(attemptNo, merchant) {
      const known = providersFor(merchant)
      const [first, ...others] = known
      if (first && others.length === 0) return calling(() => first.close(attemptNo, merchant))
      const waiting = []
      for (const provider of known) {
        const trade = await calling(() => provider.queryTrade(attemptNo, merchant))
        if (trade.state === 'waiting') waiting.push(provider)
      }
      // If none of them knows the number, it must be closed at all of them, so that none accepts it later.
      for (const provider of waiting.length > 0 ? waiting : known) {
        await calling(() => provider.close(attemptNo, merchant))
      }
    },

    async refund(refund) {
      const provider = await paidAt(refund)
      if (!provider) return { state: 'later', refusal: 'none of the accounts that were asked knows the trade' }
      return calling(() => provider.refund(refund))
    },

    async queryRefund(refund) {
      const provider = await paidAt(refund)
      if (!provider) throw new ShopError('GATEWAY_UNAVAILABLE')
      return calling(() => provider.queryRefund(refund))
    },

    async bill(day) {
      const lines: BillLine[] = []
      const summaries: BillSummary[] = []
      const seen = new Set<string>()
      let none = true
      for (const provider of firstOfEach(instances().all)) {
        const bill = await provider.bill(day)
        if (bill.state === 'none') continue
        if (bill.state !== 'ready') return bill
        none = false
        // Two applications of one seller may each get the seller's whole bill. A line that one bill has twice stays twice.
        const fresh = bill.lines.filter((line) => !seen.has(keyOf(line)))
        if (bill.summary && (fresh.length > 0 || bill.lines.length === 0)) summaries.push(bill.summary)
        for (const line of fresh) seen.add(keyOf(line))
        lines.push(...fresh)
      }
      if (none) return { state: 'none' }
      return { state: 'ready', lines, ...(summaries.length > 0 && { summary: sumOf(summaries) }) }
    },

    async readNotification(raw) {
      let first: ReadNotification | undefined
      for (const instance of instances().all) {
        const read = await instance.provider.readNotification(raw)
        if (read.checks.every(({ passed }) => passed))
          return read.paid ? { ...read, paid: withReporter(read.paid, instance) } : read
        first ??= read
      }
      return first ?? { checks: [{ check: 'signature', passed: false, detail: 'NOT_SET_UP: there are no keys' }] }
    },
  }
}

/** One provider per account, with its newest keys. */
function firstOfEach(instances: readonly MerchantInstance[]): PaymentProvider[] {
  const accounts = new Map<string, PaymentProvider>()
  for (const { account, provider } of instances) if (!accounts.has(account)) accounts.set(account, provider)
  return [...accounts.values()]
}

function sumOf(summaries: readonly BillSummary[]): BillSummary {
  const names = [...new Set(summaries.flatMap((each) => Object.keys(each)))]
  return Object.fromEntries(names.map((name) => [name, summaries.reduce((sum, each) => sum + (each[name] ?? 0), 0)]))
}

const keyOf = (line: { kind: string; tradeNo: string; requestNo: string }): string =>
  [line.kind, line.tradeNo, line.requestNo].join(' ')
