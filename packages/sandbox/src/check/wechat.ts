/** The conformance kit's checklist for shops that are paid through WeChat Pay (WeChat Pay, "Payment notification", "Sign-test traffic"). */
import { becomesPaid, type Checks, seen, until } from './checks.ts'
import type { Attempted, WechatSandboxTrade } from './client.ts'

/** The sixteenth scheduled attempt comes this long after the first, in seconds. */
const LAST_ATTEMPT = 24 * 3600 + 4 * 60
const RETRIES = 15

/** Notifications that no shop may believe; each is refused by a 4XX or 5XX, and the order stays unpaid. */
const FORGERIES = [
  ['wrong sign', 'corrupt-sign', 'a signature that no key made'],
  ['sign test', 'probe', 'WeChat’s own probe, a signature beginning WECHATPAY/SIGNTEST/'],
  ['stale', 'stale', 'a timestamp ten minutes old, properly signed'],
  ['unknown serial', 'wrong-serial', 'a Wechatpay-Serial that names no key'],
  ['altered body', 'wrong-body', 'one byte more than was signed'],
  ['other key', 'wrong-key', 'sealed with another APIv3 key, properly signed'],
  ['wrong amount', 'wrong-amount', 'an amount.total one fen off, properly sealed and signed'],
  ['wrong app', 'wrong-app-id', 'another appid, properly sealed and signed'],
  ['wrong merchant', 'wrong-seller-id', 'another mchid, properly sealed and signed'],
] as const

export async function checkWechatShop(checks: Checks): Promise<void> {
  await checkForgeries(checks)
  await checkRefunds(checks)
  await checkLate(checks)
}

/** An order that is paid while its shop knows nothing of it yet, and the notification that would tell it. */
async function payUntold(checks: Checks, losses: number): Promise<{ trade: WechatSandboxTrade; delivery: number }> {
  const { sandbox, recipe } = checks
  const link = await recipe.order()
  const trade = await sandbox.wechatTrade(link)
  const fault = await sandbox.fault('drop', { outTradeNo: trade.outTradeNo, appId: trade.mchId }, losses)
  await sandbox.wechatPay(link)
  const delivery = await until(async () => {
    const [first] = await sandbox.wechatDeliveries(trade.outTradeNo)
    return first && first.attempts.length > 0 ? first.id : undefined
  })
  if (losses === 1) await sandbox.removeFault(fault)
  if (delivery === undefined) throw new Error(`nothing was sent for order ${trade.outTradeNo}`)
  return { trade, delivery }
}

async function checkForgeries(checks: Checks): Promise<void> {
  const { sandbox, judge, recipe, url } = checks
  const { trade, delivery } = await payUntold(checks, 1)
  judge('notify address', `notify_url is ${url}`, trade.notifyUrl === url, `the order carries ${trade.notifyUrl}`)
  for (const [name, tamper, what] of FORGERIES) {
    const attempt = await sandbox.wechatReplay(delivery, tamper)
    const paid = await recipe.isPaid?.(trade.outTradeNo)
    const expected = `${what}: a 4XX or 5XX, and the order stays unpaid`
    judge(name, expected, isRefused(attempt) && paid !== true, seen(attempt, paid))
  }
  const good = await sandbox.wechatReplay(delivery)
  const settled = await becomesPaid(checks, trade)
  const expected = 'status 200 or 204 within five seconds, and the order is paid'
  judge('good', expected, good.acknowledged && settled !== false, seen(good, settled))
  const [one, two] = await Promise.all([sandbox.wechatReplay(delivery), sandbox.wechatReplay(delivery)])
  const still = await recipe.isPaid?.(trade.outTradeNo)
  const both = one.acknowledged && two.acknowledged
  judge(
    'repeat',
    '200 or 204 to both of two at once, and the order stays paid',
    both && still !== false,
    seen(one, still),
  )
}

/** A refund's notification overtakes the payment's own; and the payment's comes once more when all of it went back. */
async function checkRefunds(checks: Checks): Promise<void> {
  const { sandbox, judge } = checks
  const { trade, delivery } = await payUntold(checks, 1)
  const told = (index: number) =>
    until(async () => (await sandbox.wechatDeliveries(trade.outTradeNo))[index]?.attempts[0])
  await sandbox.wechatRefund(trade, `${trade.outTradeNo}_1`, '0.01')
  const partial = await told(1)
  judge(
    'refund before payment',
    'REFUND.SUCCESS of a part arrives first: 200 or 204, no 5XX',
    partial?.acknowledged === true,
    seen(partial),
  )
  const payment = await sandbox.wechatReplay(delivery)
  judge('reorder', 'then the payment’s own TRANSACTION.SUCCESS: 200 or 204', payment.acknowledged, seen(payment))
  await sandbox.wechatRefund(trade, `${trade.outTradeNo}_2`)
  const whole = await told(2)
  judge('full refund', 'REFUND.SUCCESS of the rest: 200 or 204', whole?.acknowledged === true, seen(whole))
  const late = await sandbox.wechatReplay(delivery)
  judge('payment repeated after the refund', '200 or 204 once more', late.acknowledged, seen(late))
}

/** Fifteen attempts are lost; the sixteenth and last comes a day later. */
async function checkLate(checks: Checks): Promise<void> {
  const { sandbox, judge } = checks
  const { trade } = await payUntold(checks, RETRIES)
  await sandbox.advance(LAST_ATTEMPT + 60)
  const last = await until(async () => {
    const [delivery] = await sandbox.wechatDeliveries(trade.outTradeNo)
    return delivery?.attempts.find((attempt) => attempt.responseStatus !== null)
  })
  const settled = await becomesPaid(checks, trade)
  const expected = 'the only attempt that arrives comes 24 hours late: 200 or 204, and the order is paid'
  judge('late', expected, last?.acknowledged === true && settled !== false, seen(last, settled))
}

const isRefused = ({ responseStatus }: Attempted): boolean => responseStatus !== null && responseStatus >= 400
