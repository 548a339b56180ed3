/**
 * The conformance kit: drives any shop's notify address through Alipay's go-live checklist, or through WeChat Pay's
 * where its orders are codes to scan, in whatever language the shop is written. The shop must be configured for a merchant of the sandbox that the kit talks to.
 */
import { becomesPaid, type Checks, seen, until } from './checks.ts'
import { type Attempted, type SandboxClient, type SandboxTrade, sandboxClient } from './client.ts'
import { isWechatLink, type Recipe } from './recipe.ts'
import { checkWechatShop } from './wechat.ts'

export interface CheckOptions {
  /** The sandbox that the shop pays through. */
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

/** The eighth scheduled attempt comes this long after the first (Alipay, retries), in seconds. */
const LAST_ATTEMPT = 24 * 3600 + 24 * 60

/**
 * Checks the shop at notify address `url`, by the method that its orders are paid with. Makes three orders by the recipe, pays and refunds them in the sandbox, and
 * moves the sandbox's clock by about a day. Rejects only where it can't go on: no order, no sandbox.
 */
export async function checkShop(url: string, options: CheckOptions): Promise<CheckReport> {
  const sandbox = sandboxClient(options.sandbox)
  const results: CheckResult[] = []
  const judge = (name: string, expected: string, passed: boolean, saw: string) => {
    const result = { name, expected, passed, saw }
    results.push(result)
    options.onResult?.(result)
  }
  const first = await options.recipe.order()
  const checks: Checks = { url, sandbox, recipe: startingWith(first, options.recipe), judge }
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

/** The recipe whose first order has been made. */
function startingWith(first: string, { order, isPaid }: Recipe): Recipe {
  let made: string | undefined = first
  const next = async () => {
    const link = made ?? (await order())
    made = undefined
    return link
  }
  return { order: next, ...(isPaid && { isPaid }) }
}

/** An order that is paid in the sandbox while its shop knows nothing of it yet, and the notification that would tell it. */
interface Untold {
  readonly trade: SandboxTrade
  readonly delivery: number
}

async function payUntold({ sandbox, recipe }: Checks, losses: number): Promise<Untold> {
  const payUrl = await recipe.order()
  const outTradeNo = numberIn(payUrl)
  const fault = await sandbox.fault('drop', { outTradeNo }, losses)
  const trade = await sandbox.pay(payUrl)
  const delivery = await until(async () => {
    const [first] = await sandbox.deliveries(trade.tradeNo)
    return first && first.attempts.length > 0 ? first.id : undefined
  })
  if (losses === 1) await sandbox.removeFault(fault)
  if (delivery === undefined) throw new Error(`order ${outTradeNo} has no notify_url, so the shop can never be told`)
  return { trade, delivery }
}

/** Wrong sign, amount, application and seller change nothing; the right one settles, and its repeat changes nothing. */
async function checkForgeries(checks: Checks): Promise<void> {
  const { sandbox, judge } = checks
  const { trade, delivery } = await payUntold(checks, 1)
  judge(
    'notify address',
    `notify_url is ${checks.url}`,
    trade.notifyUrl === checks.url,
    `the pay link carries ${trade.notifyUrl}`,
  )
  const forgeries = [
    ['wrong sign', 'corrupt-sign', 'a signature that no key made'],
    ['wrong amount', 'wrong-amount', 'a total_amount one fen off, properly signed'],
    ['wrong app', 'wrong-app-id', 'another application’s app_id, properly signed'],
    ['wrong seller', 'wrong-seller-id', 'another seller_id, properly signed'],
  ] as const
  for (const [name, tamper, what] of forgeries) {
    const attempt = await sandbox.replay(delivery, tamper)
    const paid = await checks.recipe.isPaid?.(trade.outTradeNo)
    const refused = !attempt.acknowledged && attempt.error === null && (attempt.responseStatus ?? 500) < 500
    judge(
      name,
      `${what}: anything but "success", no 5xx, and the order stays unpaid`,
      refused && paid !== true,
      seen(attempt, paid),
    )
  }
  const good = await sandbox.replay(delivery)
  const settled = await becomesPaid(checks, trade)
  judge(
    'good',
    'status 200, the body exactly success, and the order is paid',
    good.acknowledged && settled !== false,
    seen(good, settled),
  )
  const again = await sandbox.replay(delivery)
  const still = await checks.recipe.isPaid?.(trade.outTradeNo)
  judge('repeat', 'success again, and the order stays paid', again.acknowledged && still !== false, seen(again, still))
}

/** A refund's notification comes before the payment's own; and at last the trade is closed by a full refund. */
async function checkReorder(checks: Checks): Promise<void> {
  const { sandbox, judge } = checks
  const { trade, delivery } = await payUntold(checks, 1)
  const before = await sandbox.notifyOnClose(trade.appId, true)
  try {
    await sandbox.refund(trade.tradeNo, `${trade.outTradeNo.slice(0, 50)}_1`, '0.01')
    const partial = await answered(sandbox, trade, 1)
    judge(
      'refund before payment',
      'the refund’s TRADE_SUCCESS with refund_fee arrives first: success, no 5xx',
      partial?.acknowledged === true,
      seen(partial),
    )
    const payment = await sandbox.replay(delivery)
    judge('reorder', 'then the payment’s own TRADE_SUCCESS: success', payment.acknowledged, seen(payment))
    const rest = await sandbox.refund(trade.tradeNo, `${trade.outTradeNo.slice(0, 50)}_2`).catch(() => undefined)
    if (!rest) return judge('closed after refund', 'an order of more than 0.01', false, 'nothing was left to refund')
    const closed = await answered(sandbox, trade, 2)
    judge('closed after refund', 'TRADE_CLOSED with refund_fee: success', closed?.acknowledged === true, seen(closed))
    const late = await sandbox.replay(delivery)
    const paid = await checks.recipe.isPaid?.(trade.outTradeNo)
    judge(
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
  const { sandbox, judge } = checks
  const { trade } = await payUntold(checks, 7)
  await sandbox.advance(LAST_ATTEMPT + 60)
  const [delivery] = await sandbox.deliveries(trade.tradeNo)
  const last = delivery?.attempts.at(-1)
  judge(
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
