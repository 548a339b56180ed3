/**
 * A provider whose settings may change while the shop runs. New payments go to the merchant in use, which is noted with
 * each; whatever was begun with a former one is asked about, closed and paid back there, and nowhere else.
 */
import { ShopError } from '../../errors.ts'
import { givesUpOnHanging } from './hanging.ts'
import type { Edition } from './kind.ts'
import type {
  AttemptToPay,
  GatewayTrade,
  Links,
  PaidNotice,
  PaymentProvider,
  ReadNotification,
  RefundRef,
} from './provider.ts'

/** The editions there are just now. */
export interface Editions<Provider extends PaymentProvider = PaymentProvider> {
  /** Takes new payments. */
  readonly inUse: Edition<Provider> | undefined
  /** All of them, the one in use first, former keys of the same merchant included. */
  readonly all: readonly Edition<Provider>[]
}

/** Of several that know a number, the one that says most is believed. */
const WEIGHT = { none: 0, closed: 1, waiting: 2, paid: 3 } as const

/** Every process looks for changed settings far more often than this: whoever is not known then is gone. */
const HEARD_OF_MS = 10_000

interface Found {
  readonly provider: PaymentProvider
  readonly trade: GatewayTrade
}

export function liveProvider(
  name: string,
  editions: () => Editions,
  now: () => number = () => performance.now(),
): PaymentProvider {
  const calling = givesUpOnHanging()
  /** Merchants that somebody asked for and this process knows nothing of, since when. */
  const strange = new Map<string, number>()
  const inUse = (): PaymentProvider => {
    const edition = editions().inUse
    if (!edition) throw new ShopError('PAY_METHOD_UNAVAILABLE')
    return edition.provider
  }

  /**
   * Whom to ask about what was opened at this merchant: the newest keys of its account. Of what nobody noted, or whose
   * settings are gone, every account is asked; but the sandbox, where anybody may pay, only while it takes the payments.
   */
  function knowing(merchant: string | null): PaymentProvider[] {
    const { all, inUse: used } = editions()
    const own = all.find(({ provider }) => provider.merchant === merchant)
    if (merchant !== null && !own && mayStillBeHeardOf(merchant)) throw new ShopError('GATEWAY_UNAVAILABLE')
    const asked = firstOfEach(
      own ? all.filter(({ account }) => account === own.account) : all.filter((each) => !each.sandbox || each === used),
    )
    if (asked.length === 0) throw new ShopError('GATEWAY_UNAVAILABLE')
    return asked
  }

  /** Another process may have opened it with settings that this one learns of within seconds. */
  function mayStillBeHeardOf(merchant: string): boolean {
    const since = strange.get(merchant) ?? now()
    strange.set(merchant, since)
    return now() - since < HEARD_OF_MS
  }

  /** Whether this edition's word that something was paid counts for what was opened at that merchant. */
  function counts({ provider, holder, sandbox }: Edition, opened: string | null): boolean {
    const { all, inUse: used } = editions()
    if (opened !== null && opened === provider.merchant) return true
    // Whoever reaches the sandbox may have it say anything.
    if (sandbox) return opened === null && provider === used?.provider
    if (opened === null) return true
    const own = all.find((each) => each.provider.merchant === opened)
    if (own) return own.holder === holder && !own.sandbox
    if (mayStillBeHeardOf(opened)) throw new ShopError('GATEWAY_UNAVAILABLE')
    return true
  }

  const heard = (paid: PaidNotice, edition: Edition): PaidNotice => ({
    ...paid,
    from: { merchant: edition.provider.merchant ?? null, pays: (opened) => counts(edition, opened) },
  })

  const isNoted = (merchant: string | null): boolean =>
    editions().all.some(({ provider }) => provider.merchant === merchant)

  /** Asks all of them. One that gives no answer may have been paid: the others' "closed" or "none" is not enough then. */
  async function find(providers: readonly PaymentProvider[], attemptNo: string, merchant: string | null) {
    let best: Found | undefined
    let failure: unknown
    for (const provider of providers) {
      try {
        const trade = await calling(() => provider.ask(attemptNo, merchant))
        if (trade.state === 'paid') return { provider, trade }
        if (!best || WEIGHT[trade.state] > WEIGHT[best.trade.state]) best = { provider, trade }
      } catch (error) {
        failure ??= error
      }
    }
    if (!best || (failure !== undefined && best.trade.state !== 'waiting')) throw failure
    return best
  }

  /** The one whose trade it is, among those who may have it. Undefined where all of several answer, and none knows it. */
  async function paidAt({ tradeNo, attemptNo, merchant }: RefundRef): Promise<PaymentProvider | undefined> {
    const known = knowing(merchant)
    const [first] = known
    // What was paid to the sandbox before the keys were entered, and before merchants were noted, goes back there.
    const asked = isNoted(merchant) ? known : [...new Set([...known, ...firstOfEach(editions().all)])]
    if (asked.length === 1 && first) return first
    let failure: unknown
    for (const provider of asked) {
      try {
        const trade = await calling(() => provider.ask(attemptNo, merchant))
        if ('tradeNo' in trade && trade.tradeNo === tradeNo) return provider
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
    // Whoever does not know the trade would deny the refund as well, and it may have been made elsewhere.
    return undefined
  }

  /** Links are made with the keys that the attempt was opened with, and no others. */
  function linksOf<Made extends Links['made']>(made: Made, { merchant }: AttemptToPay): Extract<Links, { made: Made }> {
    const { all } = editions()
    const edition = merchant === null ? all[0] : all.find(({ provider }) => provider.merchant === merchant)
    const links = edition?.provider.links
    if (links?.made !== made) throw new ShopError('PAY_METHOD_UNAVAILABLE')
    return links as Extract<Links, { made: Made }>
  }

  return {
    name,
    get merchant() {
      return editions().inUse?.provider.merchant
    },
    channelFor: (payer) => inUse().channelFor(payer),
    // Without a merchant in use, what is open can still be paid to the one that it was opened with.
    get links(): Links {
      return (editions().all[0]?.provider ?? inUse()).links.made === 'here'
        ? { made: 'here', sign: async (attempt) => linksOf('here', attempt).sign(attempt) }
        : {
            made: 'there',
            order: (attempt, payer) => calling(async () => linksOf('there', attempt).order(attempt, payer)),
          }
    },

    async ask(attemptNo, merchant) {
      const known = knowing(merchant)
      const { provider, trade } = await find(known, attemptNo, merchant)
      if (trade.state !== 'paid') return trade
      return { ...trade, merchant: isNoted(merchant) ? merchant : (provider.merchant ?? null) }
    },

    async close(attemptNo, merchant) {
      const known = knowing(merchant)
      const [first, ...others] = known
      if (first && others.length === 0) return calling(() => first.close(attemptNo, merchant))
      const waiting = []
      for (const provider of known) {
        const trade = await calling(() => provider.ask(attemptNo, merchant))
        if (trade.state === 'waiting') waiting.push(provider)
      }
      // Where none of them has heard of the number, none must hear of it later.
      for (const provider of waiting.length > 0 ? waiting : known) {
        await calling(() => provider.close(attemptNo, merchant))
      }
    },

    async refund(refund) {
      const provider = await paidAt(refund)
      if (!provider) return { state: 'later', refusal: 'none of the accounts that were asked knows the trade' }
      return calling(() => provider.refund(refund))
    },

    async lookForRefund(refund) {
      const provider = await paidAt(refund)
      if (!provider) throw new ShopError('GATEWAY_UNAVAILABLE')
      return calling(() => provider.lookForRefund(refund))
    },

    async bill(day) {
      const lines = []
      const seen = new Set<string>()
      for (const provider of firstOfEach(editions().all)) {
        const bill = await provider.bill(day)
        if (bill.state === 'not yet') return bill
        // Two applications of one seller may each be given the seller's whole bill.
        const fresh = bill.lines.filter((line) => !seen.has(keyOf(line)))
        for (const line of fresh) seen.add(keyOf(line))
        lines.push(...fresh)
      }
      return { state: 'ready', lines }
    },

    async readNotification(raw) {
      let first: ReadNotification | undefined
      for (const edition of editions().all) {
        const read = await edition.provider.readNotification(raw)
        if (read.checks.every(({ passed }) => passed))
          return read.paid ? { ...read, paid: heard(read.paid, edition) } : read
        first ??= read
      }
      return first ?? { checks: [{ check: 'signature', passed: false, detail: 'NOT_SET_UP: there are no keys' }] }
    },
  }
}

/** One an account, with its newest keys. */
function firstOfEach(editions: readonly Edition[]): PaymentProvider[] {
  const accounts = new Map<string, PaymentProvider>()
  for (const { account, provider } of editions) if (!accounts.has(account)) accounts.set(account, provider)
  return [...accounts.values()]
}

const keyOf = (line: { kind: string; tradeNo: string; requestNo: string }): string =>
  [line.kind, line.tradeNo, line.requestNo].join(' ')
