/**
 * Two in-memory gateways with complete records, for tests that need every interleaving: they track what was paid and
 * refunded, may be unreachable, and may lose their answers. One signs its links locally and refunds at once; the other
 * creates its links itself and first only accepts a refund. The proof and the integration tests use the real sandbox.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import { ShopError } from '../../apps/shop/src/errors.ts'
import { type Fen, toFen } from '../../apps/shop/src/money.ts'
import type {
  AttemptToPay,
  BillAnswer,
  BillLine,
  Links,
  PaidNotice,
  PaymentProvider,
  ReadNotification,
  RefundAnswer,
  RefundToSend,
} from '../../apps/shop/src/payments/contract.ts'

export interface Trade {
  readonly provider: string
  readonly attemptNo: string
  readonly tradeNo: string
  readonly amount: Fen
  readonly expiresAt: Date
  state: 'none' | 'waiting' | 'closed' | 'paid'
  paidAt: Date | undefined
  readonly refunds: Map<string, Fen>
}

/** How the next calls go: answered; unanswered; or with an answer that is lost after the gateway has acted. */
export type Mood = 'answers' | 'away' | 'loses answers' | 'refuses refunds'

export interface MemoryGateway {
  readonly providers: ReadonlyMap<string, PaymentProvider>
  readonly trades: Map<string, Trade>
  /** The bills that are ready, by gateway and day: `alipay 2026-11-22`. */
  readonly bills: Map<string, readonly BillLine[] | BillAnswer>
  /** Every refund call, including refused and lost ones. */
  readonly sent: { readonly attemptNo: string; readonly requestNo: string; readonly amount: Fen }[]
  /** Numbers of refunds that the gateway has closed: no money moved, and they can never be used again. */
  readonly closedRefunds: Set<string>
  /** Numbers of refunds that the gateway has accepted. */
  readonly acceptedRefunds: Set<string>
  /** When each refund was first accepted, or made at once. */
  readonly refundTimes: Map<string, Date>
  /** Numbers of attempts that were closed before they were ever ordered. */
  readonly spent: Set<string>
  /** How many trades it has made. */
  made: number
  readonly clock: () => Date
  /** Whether refunds stay accepted without completing. */
  slow: boolean
  mood: Mood
  /** The buyer opens the link, which creates an unpaid trade. */
  open(attemptNo: string): void
  /** The buyer pays, unless the link has ended or the trade is closed. */
  pay(attemptNo: string, now: Date, late?: boolean): boolean
  /** Somebody refunds in the gateway's console, unless too little is left. */
  payBack(attemptNo: string, requestNo: string, amount: Fen): void
  /** Loses the refunds of a trade, as if they had never been made. */
  unmake(attemptNo: string): void
  /** The notification that the gateway would send, as its own bytes. */
  notification(attemptNo: string): Buffer
}

const SIGNS_HERE = 'alipay'
const ORDERS_THERE = 'wechat'
export const METHODS = [SIGNS_HERE, ORDERS_THERE] as const

export function createMemoryGateway(clock: () => Date): MemoryGateway {
  const providers = new Map<string, PaymentProvider>()
  const gateway: MemoryGateway = {
    clock,
    providers,
    trades: new Map(),
    bills: new Map(),
    sent: [],
    closedRefunds: new Set(),
    acceptedRefunds: new Set(),
    refundTimes: new Map(),
    spent: new Set(),
    made: 0,
    slow: false,
    mood: 'answers',
    open(attemptNo) {
      const trade = gateway.trades.get(attemptNo)
      // An ended link no longer creates a trade.
      if (trade?.state === 'none' && gateway.clock() <= trade.expiresAt) trade.state = 'waiting'
    },
    pay(attemptNo, now, late = false) {
      const trade = gateway.trades.get(attemptNo)
      if (!trade || trade.state === 'paid' || trade.state === 'closed') return false
      if (!late && now > trade.expiresAt) return false
      trade.state = 'paid'
      trade.paidAt = now
      return true
    },
    payBack(attemptNo, requestNo, amount) {
      const trade = gateway.trades.get(attemptNo)
      const gone = [...(trade?.refunds.values() ?? [])].reduce((sum, each) => sum + each, 0)
      if (trade?.state !== 'paid' || gone + amount > trade.amount) return
      trade.refunds.set(requestNo, amount)
      begin(gateway, requestNo)
    },
    unmake(attemptNo) {
      const trade = gateway.trades.get(attemptNo)
      for (const requestNo of trade?.refunds.keys() ?? []) gateway.refundTimes.delete(requestNo)
      trade?.refunds.clear()
    },
    notification(attemptNo) {
      const trade = gateway.trades.get(attemptNo)
      const { tradeNo, amount, paidAt } = trade ?? { tradeNo: '', amount: 0, paidAt: undefined }
      return Buffer.from(JSON.stringify({ attemptNo, tradeNo, amount, at: (paidAt ?? new Date(0)).toISOString() }))
    },
  }
  for (const name of METHODS) providers.set(name, providerNamed(gateway, name))
  return gateway
}

async function answer<Value>(gateway: MemoryGateway, act: () => Value): Promise<Value> {
  await breathe()
  if (gateway.mood === 'away') throw new ShopError('GATEWAY_UNAVAILABLE')
  const value = act()
  await breathe()
  if (gateway.mood === 'loses answers') throw new ShopError('GATEWAY_UNAVAILABLE')
  return value
}

const providerNamed = (gateway: MemoryGateway, name: string): PaymentProvider => ({
  name,
  merchant: 'the one there is',
  channelFor: () => 'page',
  refundGapMs: 0,
  links: linksOf(gateway, name),
  queryTrade: (attemptNo) =>
    answer(gateway, () => {
      const trade = gateway.trades.get(attemptNo)
      if (!trade || trade.state === 'none') return { state: 'none' }
      if (trade.state === 'waiting' && gateway.clock() > trade.expiresAt) trade.state = 'closed'
      if (trade.state !== 'paid') return { state: trade.state }
      const { tradeNo, amount, paidAt } = trade
      return { state: 'paid', tradeNo, amount, paidAt: paidAt ?? new Date(0), isRefunded: trade.refunds.size > 0 }
    }),
  close: (attemptNo) =>
    answer(gateway, () => {
      const trade = gateway.trades.get(attemptNo)
      if (trade?.state === 'waiting') trade.state = 'closed'
      if (!trade && name === ORDERS_THERE) gateway.spent.add(attemptNo)
    }),
  refund: (refund) => answer(gateway, () => refundAt(gateway, name, refund)),
  queryRefund: ({ attemptNo, requestNo }) =>
    answer(gateway, () => {
      if (gateway.trades.get(attemptNo)?.refunds.has(requestNo)) return made(gateway, requestNo)
      return { state: gateway.acceptedRefunds.has(requestNo) ? 'accepted' : 'none' }
    }),
  bill: (day) =>
    answer(gateway, () => {
      const bill = gateway.bills.get(`${name} ${day}`) ?? ({ state: 'not yet' } as const)
      return 'state' in bill ? bill : { state: 'ready', lines: bill }
    }),
  readNotification: async ({ body }) => readNotice(body),
})

function linksOf(gateway: MemoryGateway, provider: string): Links {
  return provider === SIGNS_HERE
    ? {
        signed: 'locally',
        async sign(attempt) {
          make(gateway, provider, attempt)
          return { payUrl: `https://gateway.example/${attempt.attemptNo}` }
        },
      }
    : {
        signed: 'at the gateway',
        request: (attempt) =>
          answer(gateway, () => {
            const before = gateway.trades.get(attempt.attemptNo)?.state
            if (before === 'paid' || before === 'closed') return { refusal: before }
            if (gateway.spent.has(attempt.attemptNo) || attempt.expiresAt <= gateway.clock())
              return { refusal: 'closed' }
            make(gateway, provider, attempt)
            return {
              link: { codeUrl: `code:${attempt.attemptNo}` },
              until: new Date(gateway.clock().getTime() + 7_200_000),
            }
          }),
      }
}

function make(gateway: MemoryGateway, provider: string, { attemptNo, amount, expiresAt }: AttemptToPay): void {
  const { trades } = gateway
  const state = provider === ORDERS_THERE ? 'waiting' : 'none'
  const tradeNo = `${provider}-${++gateway.made}`
  const known = { provider, attemptNo, tradeNo, amount, expiresAt, paidAt: undefined }
  if (!trades.has(attemptNo)) trades.set(attemptNo, { ...known, state, refunds: new Map() })
}

function refundAt(gateway: MemoryGateway, name: string, refund: RefundToSend): RefundAnswer {
  const { attemptNo, requestNo, amount, tries } = refund
  gateway.sent.push({ attemptNo, requestNo, amount })
  if (gateway.closedRefunds.has(requestNo)) return { state: 'refused', refusal: 'closed', spent: true }
  const trade = gateway.trades.get(attemptNo)
  if (trade?.state !== 'paid') return { state: 'refused', refusal: 'not paid' }
  if (trade.refunds.has(requestNo)) return made(gateway, requestNo)
  if (gateway.mood === 'refuses refunds') {
    return tries < 2 ? { state: 'later', refusal: 'busy' } : { state: 'refused', refusal: 'not allowed' }
  }
  const gone = [...trade.refunds.values()].reduce((sum, each) => sum + each, 0)
  if (gone + amount > trade.amount) return { state: 'refused', refusal: 'more than is left' }
  if (name === ORDERS_THERE && (gateway.slow || !gateway.acceptedRefunds.has(requestNo))) {
    gateway.acceptedRefunds.add(requestNo)
    begin(gateway, requestNo)
    return { state: 'accepted' }
  }
  trade.refunds.set(requestNo, amount)
  begin(gateway, requestNo)
  return made(gateway, requestNo)
}

function begin({ refundTimes, clock }: MemoryGateway, requestNo: string): void {
  if (!refundTimes.has(requestNo)) refundTimes.set(requestNo, clock())
}

const made = ({ refundTimes }: MemoryGateway, requestNo: string): RefundAnswer => ({
  state: 'succeeded',
  at: refundTimes.get(requestNo),
})

function readNotice(body: Buffer): ReadNotification {
  const said = JSON.parse(body.toString('utf8')) as {
    attemptNo: string
    tradeNo: string
    amount: number
    at: string
  }
  const { attemptNo, tradeNo } = said
  const paid: PaidNotice = { attemptNo, tradeNo, amount: toFen(said.amount), paidAt: new Date(said.at) }
  return { checks: [{ check: 'signature', passed: true }], attemptNo, tradeNo, paid }
}
