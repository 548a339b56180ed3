/**
 * Pay links per second in one process, compared in the same run with bare `crypto.sign` (same key, same concurrency)
 * and with the official SDK. `node --conditions=xuecheng:source bench/pay-links.ts [seconds]`
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { AlipaySdk } from 'alipay-sdk'
import { createAlipay } from '../src/index.ts'

export interface PayLinkFigures {
  /** Signatures of a string of the same length by `crypto.sign` on the thread pool, per second. */
  readonly ceiling: number
  /** Whole links by this client, per second. */
  readonly ours: number
  /** Whole links by alipay-sdk, per second; it signs on the main thread. */
  readonly sdk: number
  /** ours / ceiling; like every figure here, the median of all turns. */
  readonly share: number
  /** The same ratio by processor time: equal to `share` when nothing else runs on the machine. */
  readonly shareByProcessor: number
  /** ours / sdk */
  readonly times: number
}

/** Enough to keep the thread pool's four threads busy, and few enough to be a realistic server load. */
const AT_ONCE = 32
/** Short turns in rotation, compared turn by turn, so that other load on the machine slows all three alike. */
const TURN_MS = 100
const PAIR = ['ceiling', 'ours'] as const

const GATEWAY = 'https://openapi.alipay.com/gateway.do'
const APP_ID = '2021000120612450'

/** @param milliseconds for each of the three measurements */
export async function measurePayLinks(milliseconds = 2000): Promise<PayLinkFigures> {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' })
  const privateKey = createPrivateKey(pem)
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const alipay = createAlipay({ appId: APP_ID, privateKey, alipayPublicKey: publicKey, gateway: GATEWAY })
  const sdk = new AlipaySdk({ appId: APP_ID, privateKey: pem.toString(), gateway: GATEWAY })
  const link = await alipay.pagePayUrl(orderOf(0))
  const content = Buffer.from(decodeURIComponent(link).slice(GATEWAY.length + 1, -350))
  const contestants = {
    ceiling: () => signOnPool(content, privateKey),
    ours: (count: number) => alipay.pagePayUrl(orderOf(count)),
    sdk: async (count: number) => sdk.pageExecute('alipay.trade.page.pay', 'GET', sdkOrderOf(count)),
  }
  const rounds: Record<keyof typeof contestants, Rates>[] = []
  for (const warm of Object.values(contestants)) await turn(warm, 2 * TURN_MS)
  for (let round = 0; round < Math.max(1, Math.round(milliseconds / TURN_MS)); round += 1) {
    const rates = { ceiling: NONE, ours: NONE, sdk: NONE }
    // These two are compared closely, so each goes first equally often.
    for (const name of round % 2 === 0 ? PAIR : PAIR.toReversed()) rates[name] = await turn(contestants[name], TURN_MS)
    rates.sdk = await turn(contestants.sdk, TURN_MS)
    rounds.push(rates)
    // Collect the SDK's garbage outside of any turn.
    await turn(contestants.ceiling, TURN_MS / 4)
  }
  const middle = (figure: (rates: (typeof rounds)[number]) => number) => median(rounds.map(figure))
  return {
    ceiling: middle(({ ceiling }) => ceiling.perSecond),
    ours: middle(({ ours }) => ours.perSecond),
    sdk: middle(({ sdk }) => sdk.perSecond),
    share: middle(({ ours, ceiling }) => ours.perSecond / ceiling.perSecond),
    shareByProcessor: middle(({ ours, ceiling }) => ours.perProcessorSecond / ceiling.perProcessorSecond),
    times: middle(({ ours, sdk }) => ours.perSecond / sdk.perSecond),
  }
}

interface Rates {
  readonly perSecond: number
  readonly perProcessorSecond: number
}

const NONE: Rates = { perSecond: 0, perProcessorSecond: 0 }

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0

/** Keeps `AT_ONCE` operations running until the time is over. */
async function turn(make: (count: number) => Promise<unknown>, milliseconds: number): Promise<Rates> {
  const [started, before] = [performance.now(), process.cpuUsage()]
  let count = 0
  const worker = async () => {
    while (performance.now() - started < milliseconds) {
      await make(count)
      count += 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  const { user, system } = process.cpuUsage(before)
  const elapsed = performance.now() - started
  return { perSecond: (count / elapsed) * 1000, perProcessorSecond: (count / (user + system)) * 1_000_000 }
}

const signOnPool = (content: Buffer, key: KeyObject): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    sign('RSA-SHA256', content, key, (error, signature) => (error ? reject(error) : resolve(signature)))
  })

const TIME_EXPIRE = new Date(Date.now() + 30 * 60_000)

const orderOf = (count: number) => ({
  outTradeNo: `bench_${count}`,
  totalAmount: 3900 + count,
  subject: 'TypeScript 从入门到精通',
  timeExpire: TIME_EXPIRE,
  goodsType: '0' as const,
  returnUrl: 'https://shop.example/pay/success',
  notifyUrl: 'https://shop.example/api/payments/alipay/notify',
})

const sdkOrderOf = (count: number) => ({
  returnUrl: 'https://shop.example/pay/success',
  notifyUrl: 'https://shop.example/api/payments/alipay/notify',
  bizContent: {
    out_trade_no: `bench_${count}`,
    total_amount: '39.00',
    subject: 'TypeScript 从入门到精通',
    product_code: 'FAST_INSTANT_TRADE_PAY',
    time_expire: '2026-12-31 00:00:00',
    goods_type: '0',
  },
})

/** One line per figure. */
export const tableOf = ({ ceiling, ours, sdk, share, shareByProcessor, times }: PayLinkFigures): string =>
  [
    `crypto.sign alone   ${perSecond(ceiling)}`,
    `@xuecheng/alipay    ${perSecond(ours)}   ${percent(share)} of it (${percent(shareByProcessor)} by processor time)`,
    `alipay-sdk          ${perSecond(sdk)}   ours is ${times.toFixed(1)} times as fast`,
  ].join('\n')

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

const perSecond = (rate: number): string => `${Math.round(rate).toString().padStart(7)}/s`

if (import.meta.main) console.log(tableOf(await measurePayLinks(Number(process.argv[2] ?? 2) * 1000)))
