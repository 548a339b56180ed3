/** Acts as the buyer at the gateway of each provider under contract. */
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { readConfig } from '../../../apps/shop/src/config.ts'
import { toFen } from '../../../apps/shop/src/money.ts'
import { newNumber } from '../../../apps/shop/src/orders/number.ts'
import type {
  AttemptToPay,
  Client,
  PayLink,
  PaymentProvider,
  RawNotification,
} from '../../../apps/shop/src/payments/contract.ts'
import { hasRealMerchant } from '../../../apps/shop/src/payments/providers/methods.ts'
import { createProviders } from '../../../apps/shop/src/payments/providers/registry.ts'
import { type System, startSystem, until } from '../../harness/system.ts'

export let system: System

export let byName: ReadonlyMap<string, PaymentProvider>

beforeAll(async () => {
  system = await startSystem()
  const environment = {
    DATA_DIR: system.dataDir,
    SANDBOX_PORT: new URL(system.sandboxUrl).port,
    PORT: new URL(system.shopUrl).port,
  }
  const config = readConfig(environment, hasRealMerchant)
  const providers = createProviders(config, () => new Date(), pino({ level: 'silent' }))
  providers.take([])
  byName = providers.byName
})

afterEach(() => system.sandbox.send('DELETE', '/faults'))

afterAll(() => system?.stop())

/** Each gateway's buyer, and what differs between the gateways. */
interface Hand {
  pay(link: PayLink): Promise<unknown>
  /** The sandbox's list of the notifications that this gateway sent to the shop. */
  readonly deliveries: string
  /** Whether the notification of a refund names the refund's own number. */
  readonly namesRefunds: boolean
  /** The code with which it refuses a query for good. */
  readonly refusal: string
}

export const HANDS: Readonly<Record<string, Hand>> = {
  alipay: {
    pay: (link) => system.sandbox.send('POST', '/pay', link),
    deliveries: '/deliveries',
    namesRefunds: false,
    refusal: 'ACQ.INVALID_PARAMETER',
  },
  wechat: {
    pay: (link) => system.sandbox.send('POST', '/wechat/pay', { link: 'codeUrl' in link ? link.codeUrl : link.payUrl }),
    deliveries: '/wechat/deliveries',
    namesRefunds: true,
    refusal: 'NO_AUTH',
  },
}

export const handOf = (name: string): Hand => {
  const hand = HANDS[name]
  if (!hand) throw new Error(`no test buyer for the provider ${name}`)
  return hand
}

/** Each kind of browser that a buyer may pay with, and the channel that its provider chooses. */
export const DEVICES: readonly Client['device'][] = ['computer', 'phone', 'messenger']

export const payerAt = (device: Client['device']): Client => ({ device, address: '203.0.113.7' })

export const AMOUNT = toFen(3900)

export const newAttempt = (provider: PaymentProvider, seconds = 1800, payer = payerAt('computer')): AttemptToPay => {
  const attemptNo = newNumber(new Date())
  const expiresAt = new Date(Math.floor(Date.now() / 1000) * 1000 + seconds * 1000)
  const subject = '契约 & “quotes” / 100 % 课程 🎓'
  return {
    attemptNo,
    orderNo: attemptNo,
    page: `/orders/${attemptNo}`,
    amount: AMOUNT,
    subject,
    expiresAt,
    channel: provider.channelFor(payer),
    merchant: provider.merchant ?? null,
  }
}

export const linkFor = async (
  { links }: PaymentProvider,
  attempt: AttemptToPay,
  payer = payerAt('computer'),
): Promise<PayLink> => {
  if (links.signed === 'locally') return links.sign(attempt)
  const answer = await links.request(attempt, payer)
  if ('refusal' in answer) throw new Error(answer.refusal)
  return answer.link
}

interface Kept {
  readonly body: Buffer
  readonly headers: Record<string, string>
  readonly content_type: string
  readonly received_at: Date
}

const rawOf = ({ body, headers, content_type: contentType, received_at: receivedAt }: Kept): RawNotification => ({
  body,
  bodyBytes: body.length,
  contentType,
  headers,
  address: '',
  receivedAt,
})

/** The notifications that the shop received about an attempt, oldest first, once there are at least so many. */
export async function notificationsOf(provider: string, attemptNo: string, least: number): Promise<RawNotification[]> {
  const kept = () =>
    system.sql<Kept>(
      `select body, headers, content_type, received_at from notifications
       where provider = $1 and attempt_no = $2 order by id`,
      [provider, attemptNo],
    )
  const rows = await until(kept, (found) => found.length >= least, 30_000)
  return rows.map(rawOf)
}
