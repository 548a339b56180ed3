/**
 * A provider whose settings may change while the shop runs. New payments go to the merchant in use, which is recorded
 * with each; what was begun with a retired one is queried, closed and refunded there, and nowhere else.
 */
import { ShopError } from '../../errors.ts'
import type {
  AttemptToPay,
  BillAnswer,
  BillLine,
  BillSummary,
  GatewayTrade,
  Links,
  PaidNotice,
  PaymentProvider,
  RawNotification,
  ReadNotification,
  RefundRef,
} from '../contract.ts'
import { withCircuitBreaker } from './circuit-breaker.ts'
import { isSandboxMerchant, type MerchantInstance } from './definition.ts'
import { answerThatCounts, type Standing } from './standing.ts'

/** The current merchant instances. */
export interface MerchantInstances<Provider extends PaymentProvider = PaymentProvider> {
  /** Takes new payments. */
  readonly inUse: MerchantInstance<Provider> | undefined
  /** All of them, the one in use first, including retired keys of the same merchant. */
  readonly all: readonly MerchantInstance<Provider>[]
  /** Whether there are stored settings that cannot be read: they may be those of any unknown merchant. */
  readonly someUnreadable?: boolean
  /** Whether the settings that the owner entered have been read since this process started. */
  readonly isLoaded?: boolean
  /** Whether the shop's own sandbox takes no part any more, since a real merchant takes payments. */
  readonly sandboxEnded?: boolean
}

/** Every process reloads changed settings far more often than this: a merchant still unknown after it is gone. */
const LOADED_WITHIN_MS = 10_000

/** An account to query, and what its answer is worth. */
interface Candidate {
  readonly instance: MerchantInstance
  readonly standing: Standing
}

interface Routes {
  readonly now: () => MerchantInstances
  /** Calls the gateway of an account; one that hangs holds up no other. */
  call<Answer>(instance: MerchantInstance, request: (provider: PaymentProvider) => Promise<Answer>): Promise<Answer>
  /** Another process may have opened it with settings that this one has not loaded yet, which takes seconds. */
  mayBeLoadedSoon(merchant: string): boolean
}

export function routedProvider(
  name: string,
  instances: () => MerchantInstances,
  clock: () => number = () => performance.now(),
): PaymentProvider {
  const routes = openRoutes(instances, clock)
  const inUse = (): PaymentProvider => {
    const instance = instances().inUse
    if (instance) return instance.provider
    // Which methods there are is not known before the settings have been read, which takes seconds.
    throw instances().isLoaded === false
      ? new ShopError('UNAVAILABLE', { retryAfterSeconds: 3 })
      : new ShopError('PAY_METHOD_UNAVAILABLE')
  }
  return {
    name,
    get merchant() {
      return instances().inUse?.provider.merchant
    },
    channelFor: (client) => inUse().channelFor(client),
    get refundGapMs() {
      return instances().all[0]?.provider.refundGapMs ?? 0
    },
    // With no merchant in use, an open attempt can still be paid at the merchant it was opened at.
    get links(): Links {
      return (instances().all[0]?.provider ?? inUse()).links.signed === 'locally'
        ? { signed: 'locally', sign: async (attempt) => linksOf(routes, 'locally', attempt).links.sign(attempt) }
        : {
            signed: 'at the gateway',
            request: async (attempt, client) => {
              const { instance, links } = linksOf(routes, 'at the gateway', attempt)
              return routes.call(instance, () => links.request(attempt, client))
            },
          }
    },
    queryTrade: (attemptNo, merchant) => query(routes, attemptNo, merchant),
    close: (attemptNo, merchant) => close(routes, attemptNo, merchant),
    async refund(refund) {
      if (hasEnded(routes, refund.merchant)) {
        return { state: 'refused', refusal: 'it was paid at the sandbox, which takes no part in a live shop' }
      }
      const instance = await paidAt(routes, refund)
      if (!instance) return { state: 'later', refusal: 'none of the accounts that were asked knows the trade' }
      return routes.call(instance, (provider) => provider.refund(refund))
    },
    async queryRefund(refund) {
      if (hasEnded(routes, refund.merchant)) return { state: 'none' }
      const instance = await paidAt(routes, refund)
      if (!instance) throw new ShopError('GATEWAY_UNAVAILABLE')
      return routes.call(instance, (provider) => provider.queryRefund(refund))
    },
    bill: (day, tradedAt) => billOfAll(routes, day, tradedAt),
    readNotification: (raw) => readNotification(routes, raw),
  }
}

function openRoutes(now: () => MerchantInstances, clock: () => number): Routes {
  const breakers = new Map<string, ReturnType<typeof withCircuitBreaker>>()
  /** Merchants that this process has no settings for, with the time when they were first asked for. */
  const unknownSince = new Map<string, number>()
  return {
    now,
    call({ account, provider }, request) {
      const breaker = breakers.get(account) ?? withCircuitBreaker()
      breakers.set(account, breaker)
      return breaker(() => request(provider))
    },
    mayBeLoadedSoon(merchant) {
      const since = unknownSince.get(merchant) ?? clock()
      unknownSince.set(merchant, since)
      return clock() - since < LOADED_WITHIN_MS
    },
  }
}

const instanceOf = ({ now }: Routes, merchant: string | null): MerchantInstance | undefined =>
  now().all.find(({ provider }) => provider.merchant === merchant)

/** Whether it was opened at the demo's sandbox, in a shop where only real money counts by now. */
const hasEnded = (routes: Routes, merchant: string | null): boolean =>
  merchant !== null &&
  routes.now().sandboxEnded === true &&
  isSandboxMerchant(merchant) &&
  !instanceOf(routes, merchant)

/**
 * The accounts to query about what was opened at this merchant. Of its own account, the newest keys. If its settings are
 * gone or unreadable, every other real account may still affirm a payment. If the merchant was not recorded, it may be
 * any; the sandbox only where it is in use.
 */
function candidates(routes: Routes, merchant: string | null): Candidate[] {
  const { all, inUse } = routes.now()
  // guard: queried-where-opened
  const own = instanceOf(routes, merchant)
  if (own) {
    const newest = all.find(({ account }) => account === own.account) ?? own
    return [{ instance: newest, standing: 'of record' }]
  }
  const others = firstOfEach(all).filter((each) => !each.sandbox || (each === inUse && merchant === null))
  return others.map((instance) => {
    const standing = merchant !== null ? 'other' : instance.sandbox ? 'sandbox' : 'possible'
    return { instance, standing }
  })
}

/** @throws ShopError GATEWAY_UNAVAILABLE when no answer counts */
async function query(routes: Routes, attemptNo: string, merchant: string | null): Promise<GatewayTrade> {
  if (hasEnded(routes, merchant)) return { state: 'closed' }
  const answers: { standing: Standing; state: GatewayTrade['state'] | 'no answer'; reply?: Reply }[] = []
  let failure: unknown
  for (const { instance, standing } of candidates(routes, merchant)) {
    try {
      const trade = await routes.call(instance, (provider) => provider.queryTrade(attemptNo, merchant))
      answers.push({ standing, state: trade.state, reply: { trade, instance } })
      if (trade.state === 'paid' && standing !== 'sandbox') break
    } catch (error) {
      failure ??= error
      answers.push({ standing, state: 'no answer' })
    }
  }
  const reply = answerThatCounts(answers, routes.now().someUnreadable !== true)?.reply
  if (!reply) throw failure ?? new ShopError('GATEWAY_UNAVAILABLE')
  const { trade, instance } = reply
  if (trade.state !== 'paid') return trade
  return { ...trade, merchant: instanceOf(routes, merchant) ? merchant : (instance.provider.merchant ?? null) }
}

interface Reply {
  readonly trade: GatewayTrade
  readonly instance: MerchantInstance
}

/** @throws ShopError GATEWAY_UNAVAILABLE also when its account is not known: no other can close it */
async function close(routes: Routes, attemptNo: string, merchant: string | null): Promise<void> {
  if (hasEnded(routes, merchant)) return
  const asked = candidates(routes, merchant).filter(({ standing }) => standing !== 'other')
  const [first, ...others] = asked
  if (!first) throw new ShopError('GATEWAY_UNAVAILABLE')
  const closeAt = ({ instance }: Candidate) => routes.call(instance, (provider) => provider.close(attemptNo, merchant))
  if (others.length === 0) return closeAt(first)
  const waiting: Candidate[] = []
  for (const candidate of asked) {
    const trade = await routes.call(candidate.instance, (provider) => provider.queryTrade(attemptNo, merchant))
    if (trade.state === 'waiting') waiting.push(candidate)
  }
  // If none of them knows the number, it must be closed at all of them, so that none accepts it later.
  for (const candidate of waiting.length > 0 ? waiting : asked) await closeAt(candidate)
}

/**
 * The account that has the trade: the one of record, or else the one that confirms the trade's number. Undefined if all
 * answer and none has it.
 */
async function paidAt(
  routes: Routes,
  { tradeNo, attemptNo, merchant }: RefundRef,
): Promise<MerchantInstance | undefined> {
  const known = candidates(routes, merchant)
  const [first] = known
  if (first?.standing === 'of record') return first.instance
  // What was paid at the sandbox before the keys were entered, and before merchants were recorded, is refunded there.
  const asked = merchant === null ? firstOfEach(routes.now().all) : known.map(({ instance }) => instance)
  if (asked.length === 0) throw new ShopError('GATEWAY_UNAVAILABLE')
  let failure: unknown
  for (const instance of asked) {
    try {
      const trade = await routes.call(instance, (provider) => provider.queryTrade(attemptNo, merchant))
      if ('tradeNo' in trade && trade.tradeNo === tradeNo) return instance
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
  routes: Routes,
  signed: Signed,
  { merchant }: AttemptToPay,
): { instance: MerchantInstance; links: Extract<Links, { signed: Signed }> } {
  // guard: link-keys
  const instance = merchant === null ? routes.now().all[0] : instanceOf(routes, merchant)
  const links = instance?.provider.links
  if (!instance || links?.signed !== signed) throw new ShopError('PAY_METHOD_UNAVAILABLE')
  return { instance, links: links as Extract<Links, { signed: Signed }> }
}

async function billOfAll(routes: Routes, day: string, tradedAt: readonly (string | null)[]): Promise<BillAnswer> {
  const { all, inUse } = routes.now()
  const accounts = firstOfEach(all)
  // A retired account that gives out no bill of a day without trades of ours there leaves nothing out.
  const isNeeded = ({ account }: MerchantInstance) =>
    account === inUse?.account ||
    tradedAt.some((at) => at === null || all.some((each) => each.account === account && each.provider.merchant === at))
  // A bill without the account of the unreadable settings would look as if its trades had never been.
  if (routes.now().someUnreadable) throw new ShopError('GATEWAY_UNAVAILABLE')
  const lines: BillLine[] = []
  const summaries: BillSummary[] = []
  const seen = new Set<string>()
  let none = true
  let answered = 0
  for (const instance of accounts) {
    const bill = await instance.provider.bill(day, tradedAt)
    if (bill.state === 'not offered' && !isNeeded(instance)) continue
    answered += 1
    if (bill.state === 'none') continue
    if (bill.state !== 'ready') return bill
    none = false
    // Two applications of one seller may each get the seller's whole bill. A line that one bill has twice stays twice.
    const fresh = bill.lines.filter((line) => !seen.has(keyOf(line)))
    if (bill.summary && (fresh.length > 0 || bill.lines.length === 0)) summaries.push(bill.summary)
    for (const line of fresh) seen.add(keyOf(line))
    lines.push(...fresh.map((line) => ({ ...line, ...(isOfOthers(all, line) && { isOfAnotherApplication: true }) })))
  }
  if (answered === 0) return { state: 'not offered' }
  if (none) return { state: 'none' }
  return { state: 'ready', lines, ...(summaries.length > 0 && { summary: sumOf(summaries) }) }
}

/** Retired keys are the shop's own as well: their application's trades are ours. */
const isOfOthers = (all: readonly MerchantInstance[], { merchant }: BillLine): boolean =>
  merchant !== undefined && !all.some(({ provider }) => provider.merchant === merchant)

async function readNotification(routes: Routes, raw: RawNotification): Promise<ReadNotification> {
  let first: ReadNotification | undefined
  for (const instance of routes.now().all) {
    const read = await instance.provider.readNotification(raw)
    if (read.checks.every(({ passed }) => passed))
      return read.paid ? { ...read, paid: withReporter(routes, read.paid, instance) } : read
    first ??= read
  }
  return first ?? { checks: [{ check: 'signature', passed: false, detail: 'NOT_SET_UP: there are no keys' }] }
}

const withReporter = (routes: Routes, paid: PaidNotice, instance: MerchantInstance): PaidNotice => ({
  ...paid,
  from: { merchant: instance.provider.merchant ?? null, pays: (opened) => reportCounts(routes, instance, opened) },
})

/** Whether this instance's report of a payment counts for what was opened at the given merchant. */
function reportCounts(
  routes: Routes,
  { provider, merchantOfRecord, sandbox }: MerchantInstance,
  opened: string | null,
): boolean {
  if (opened !== null && opened === provider.merchant) return true
  // Anyone who can reach the sandbox can make it report anything.
  if (sandbox) return false
  if (opened === null) return true
  const own = instanceOf(routes, opened)
  if (own) return own.merchantOfRecord === merchantOfRecord && !own.sandbox
  if (routes.mayBeLoadedSoon(opened)) throw new ShopError('GATEWAY_UNAVAILABLE')
  return true
}

/** One instance per account, with its newest keys. */
function firstOfEach(instances: readonly MerchantInstance[]): MerchantInstance[] {
  const accounts = new Map<string, MerchantInstance>()
  for (const instance of instances) if (!accounts.has(instance.account)) accounts.set(instance.account, instance)
  return [...accounts.values()]
}

const keyOf = (line: { kind: string; tradeNo: string; requestNo: string }): string =>
  [line.kind, line.tradeNo, line.requestNo].join(' ')

function sumOf(summaries: readonly BillSummary[]): BillSummary {
  const names = [...new Set(summaries.flatMap((each) => Object.keys(each)))]
  return Object.fromEntries(names.map((name) => [name, summaries.reduce((sum, each) => sum + (each[name] ?? 0), 0)]))
}
