/** The conformance kit's checklist for WeChat Pay (WeChat Pay, "Payment notification", "Sign-test traffic"). */
import { becomesPaid, type Checks, requireAnswer, seen, until } from './checks.ts'
import type { Attempted, WechatSandboxTrade } from './client.ts'

/** All scheduled attempts except the sixteenth and last, which comes a day after the first. */
const LOST = 15

/** Notifications that a shop must not trust: it must refuse each with a 4XX or 5XX and keep the order unpaid. */
const FORGERIES = [
  ['wrong sign', 'corrupt-sign', 'an invalid signature'],
  ['sign test', 'probe', 'WeChat’s own probe, a signature beginning WECHATPAY/SIGNTEST/'],
  ['stale', 'stale', 'a timestamp ten minutes old, with a valid signature'],
  ['unknown serial', 'wrong-serial', 'a Wechatpay-Serial that names no key'],
  ['altered body', 'wrong-body', 'one byte more than the signed body'],
  ['other key', 'wrong-key', 'encrypted with another APIv3 key, with a valid signature'],
  ['wrong amount', 'wrong-amount', 'an amount.total one fen off, correctly encrypted and signed'],
  ['wrong app', 'wrong-app-id', 'another appid, correctly encrypted and signed'],
  ['wrong merchant', 'wrong-seller-id', 'another mchid, correctly encrypted and signed'],
] as const

export async function checkWechatShop(checks: Checks): Promise<void> {
  await checkForgeries(checks)
  await checkRefunds(checks)
  await checkLate(checks)
}

/** An order that is paid but not yet notified, and the pending notification. */
async function payUnnotified(checks: Checks, losses: number): Promise<{ trade: WechatSandboxTrade; delivery: number }> {
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
  const { sandbox, report, recipe, url } = checks
  const { trade, delivery } = await payUnnotified(checks, 1)
  report('notify address', `notify_url is ${url}`, trade.notifyUrl === url, `the order carries ${trade.notifyUrl}`)
  for (const [name, tamper, what] of FORGERIES) {
    const attempt = await sandbox.wechatReplay(delivery, tamper)
    requireAnswer(attempt)
    const paid = await recipe.isPaid?.(trade.outTradeNo)
    const expected = `${what}: a 4XX or 5XX, and the order stays unpaid`
    report(name, expected, isRefused(attempt) && paid !== true, seen(attempt, paid))
  }
  const good = await sandbox.wechatReplay(delivery)
  const settled = await becomesPaid(checks, trade)
  const expected = 'status 200 or 204 within five seconds, and the order is paid'
  report('good', expected, good.acknowledged && settled !== false, seen(good, settled))
  const [one, two] = await Promise.all([sandbox.wechatReplay(delivery), sandbox.wechatReplay(delivery)])
  const still = await recipe.isPaid?.(trade.outTradeNo)
  const both = one.acknowledged && two.acknowledged
  report(
    'repeat',
    '200 or 204 to both of two at once, and the order stays paid',
    both && still !== false,
    seen(one, still),
  )
}

/** A refund's notification arrives before the payment's; the payment's comes again after a full refund. */
async function checkRefunds(checks: Checks): Promise<void> {
  const { sandbox, report } = checks
  const { trade, delivery } = await payUnnotified(checks, 1)
  const answerTo = (index: number) =>
    until(async () => (await sandbox.wechatDeliveries(trade.outTradeNo))[index]?.attempts[0])
  await sandbox.wechatRefund(trade, `${trade.outTradeNo}_1`, '0.01')
  const partial = await answerTo(1)
  report(
    'refund before payment',
    'REFUND.SUCCESS of a part arrives first: 200 or 204, no 5XX',
    partial?.acknowledged === true,
    seen(partial),
  )
  const payment = await sandbox.wechatReplay(delivery)
  report('reorder', 'then the payment’s own TRANSACTION.SUCCESS: 200 or 204', payment.acknowledged, seen(payment))
  await sandbox.wechatRefund(trade, `${trade.outTradeNo}_2`)
  const whole = await answerTo(2)
  report('full refund', 'REFUND.SUCCESS of the rest: 200 or 204', whole?.acknowledged === true, seen(whole))
  const late = await sandbox.wechatReplay(delivery)
  report('payment repeated after the refund', '200 or 204 once more', late.acknowledged, seen(late))
}

/** Fifteen attempts are lost; the sixteenth and last comes a day later. */
async function checkLate(checks: Checks): Promise<void> {
  const { sandbox, report } = checks
  const { trade, delivery } = await payUnnotified(checks, LOST)
  let last: Attempted | undefined
  for (let next = await sandbox.wechatNext(delivery); next; next = await sandbox.wechatNext(delivery)) last = next
  const settled = await becomesPaid(checks, trade)
  const expected = 'the only attempt that arrives comes 24 hours late: 200 or 204, and the order is paid'
  report('late', expected, last?.acknowledged === true && settled !== false, seen(last, settled))
}

const isRefused = ({ responseStatus }: Attempted): boolean => responseStatus !== null && responseStatus >= 400
