/**
 * The conformance kit: drives any shop's notify address through Alipay's go-live checklist, or through WeChat Pay's if
 * its orders are WeChat Pay links. The shop, in any language, must be configured for a merchant of the same sandbox.
 */
import { becomesPaid, type Checks, requireAnswer, seen, until } from './checks.ts'
import { type Attempted, type SandboxClient, type SandboxTrade, sandboxClient } from './client.ts'
import { isWechatLink, type Recipe } from './recipe.ts'
import { checkWechatShop } from './wechat.ts'

export interface CheckOptions {
  /** The sandbox that the shop uses. */
  readonly sandbox: string
  readonly recipe: Recipe
  /** Called as each result is known. */
  readonly onResult?: (result: CheckResult) => void
}

export interface CheckResult {
  readonly name: string
  readonly passed: boolean
  readonly expected: string
  /** What the shop did. */
  readonly saw: string
}

export interface CheckReport {
  readonly passed: number
  readonly failed: number
  readonly results: readonly CheckResult[]
}

/** All scheduled attempts except the eighth and last, which comes a day after the first (Alipay, retries). */
const LOST = 7

/**
 * Checks the shop at notify address `url`, with the payment method of its orders. Creates three orders by the recipe,
 * and pays and refunds them in the sandbox without moving its clock. Rejects only when it cannot continue: no order, no
 * sandbox, or no answer from the notify address.
 */
export async function checkShop(url: string, options: CheckOptions): Promise<CheckReport> {
  const sandbox = sandboxClient(options.sandbox)
  const results: CheckResult[] = []
  const report = (name: string, expected: string, passed: boolean, saw: string) => {
    const result = { name, expected, passed, saw }
    results.push(result)
    options.onResult?.(result)
  }
  await sandbox.isThere()
  const first = await options.recipe.order()
  const checks: Checks = { url, sandbox, recipe: startingWith(first, options.recipe), report }
  if (isWechatLink(first)) {
    await checkWechatShop(checks)
  } else {
    await checkForgeries(checks)
    await checkReorder(checks)
    await checkLate(checks)
  }
  const passed = results.filter((result) => result.passed).length
  return { passed, failed: results.length - passed, results }
}

/** The recipe, returning the first order that was already created. */
function startingWith(first: string, { order, isPaid }: Recipe): Recipe {
  let made: string | undefined = first
  const next = async () => {
    const link = made ?? (await order())
    made = undefined
    return link
  }
  return { order: next, ...(isPaid && { isPaid }) }
}

/** An order that is paid in the sandbox but not yet notified, and the pending notification. */
interface Unnotified {
  readonly trade: SandboxTrade
  readonly delivery: number
}

async function payUnnotified({ sandbox, recipe }: Checks, losses: number): Promise<Unnotified> {
  const payUrl = await recipe.order()
  const outTradeNo = numberIn(payUrl)
  const fault = await sandbox.fault('drop', { outTradeNo }, losses)
  const trade = await sandbox.pay(payUrl)
  const delivery = await until(async () => {
    const [first] = await sandbox.deliveries(trade.tradeNo)
    return first && first.attempts.length > 0 ? first.id : undefined
  })
  if (losses === 1) await sandbox.removeFault(fault)
  if (delivery === undefined) throw new Error(`order ${outTradeNo} has no notify_url, so the shop cannot be notified`)
  return { trade, delivery }
}

/**
 * Wrong signature, amount, application or seller changes nothing; the genuine notification settles the order; a
 * duplicate changes nothing.
 */
async function checkForgeries(checks: Checks): Promise<void> {
  const { sandbox, report } = checks
  const { trade, delivery } = await payUnnotified(checks, 1)
  report(
    'notify address',
    `notify_url is ${checks.url}`,
    trade.notifyUrl === checks.url,
    `the pay link carries ${trade.notifyUrl}`,
  )
  const forgeries = [
    ['wrong sign', 'corrupt-sign', 'an invalid signature'],
    ['wrong amount', 'wrong-amount', 'a total_amount one fen off, with a valid signature'],
    ['wrong app', 'wrong-app-id', 'another application’s app_id, with a valid signature'],
    ['wrong seller', 'wrong-seller-id', 'another seller_id, with a valid signature'],
  ] as const
  for (const [name, tamper, what] of forgeries) {
    const attempt = await sandbox.replay(delivery, tamper)
    requireAnswer(attempt)
    const paid = await checks.recipe.isPaid?.(trade.outTradeNo)
    const refused = !attempt.acknowledged && attempt.error === null && (attempt.responseStatus ?? 500) < 500
    report(
      name,
      `${what}: anything but "success", no 5xx, and the order stays unpaid`,
      refused && paid !== true,
      seen(attempt, paid),
    )
  }
  const good = await sandbox.replay(delivery)
  const settled = await becomesPaid(checks, trade)
  report(
    'good',
    'status 200, the body exactly success, and the order is paid',
    good.acknowledged && settled !== false,
    seen(good, settled),
  )
  const again = await sandbox.replay(delivery)
  const still = await checks.recipe.isPaid?.(trade.outTradeNo)
  report('repeat', 'success again, and the order stays paid', again.acknowledged && still !== false, seen(again, still))
}

/** A refund's notification arrives before the payment's; finally a full refund closes the trade. */
async function checkReorder(checks: Checks): Promise<void> {
  const { sandbox, report } = checks
  const { trade, delivery } = await payUnnotified(checks, 1)
  const before = await sandbox.notifyOnClose(trade.appId, true)
  try {
    await sandbox.refund(trade.tradeNo, `${trade.outTradeNo.slice(0, 50)}_1`, '0.01')
    const partial = await answered(sandbox, trade, 1)
    report(
      'refund before payment',
      'the refund’s TRADE_SUCCESS with refund_fee arrives first: success, no 5xx',
      partial?.acknowledged === true,
      seen(partial),
    )
    const payment = await sandbox.replay(delivery)
    report('reorder', 'then the payment’s own TRADE_SUCCESS: success', payment.acknowledged, seen(payment))
    const rest = await sandbox.refund(trade.tradeNo, `${trade.outTradeNo.slice(0, 50)}_2`).catch(() => undefined)
    if (!rest) return report('closed after refund', 'an order of more than 0.01', false, 'nothing was left to refund')
    const closed = await answered(sandbox, trade, 2)
    report('closed after refund', 'TRADE_CLOSED with refund_fee: success', closed?.acknowledged === true, seen(closed))
    const late = await sandbox.replay(delivery)
    const paid = await checks.recipe.isPaid?.(trade.outTradeNo)
    report(
      'payment repeated after the refund',
      'success, and a refunded order is not paid again',
      late.acknowledged && paid !== true,
      seen(late, paid),
    )
  } finally {
    await sandbox.notifyOnClose(trade.appId, before)
  }
}

/** Seven attempts are lost; the eighth comes a day later. */
async function checkLate(checks: Checks): Promise<void> {
  const { sandbox, report } = checks
  const { delivery } = await payUnnotified(checks, LOST)
  let last: Attempted | undefined
  for (let next = await sandbox.next(delivery); next; next = await sandbox.next(delivery)) last = next
  report(
    'late',
    'the only attempt that arrives comes 24 hours late: success, the money is not lost',
    last?.acknowledged === true,
    seen(last),
  )
}

/** The first answer to a trade's notification number `index`. */
async function answered(sandbox: SandboxClient, trade: SandboxTrade, index: number): Promise<Attempted | undefined> {
  return until(async () => (await sandbox.deliveries(trade.tradeNo))[index]?.attempts[0])
}

function numberIn(payUrl: string): string {
  const content = new URL(payUrl).searchParams.get('biz_content') ?? ''
  const parsed: unknown = JSON.parse(content || '{}')
  const number =
    typeof parsed === 'object' && parsed !== null && 'out_trade_no' in parsed ? parsed.out_trade_no : undefined
  if (typeof number !== 'string') throw new Error('the pay link carries no out_trade_no')
  return number
}
