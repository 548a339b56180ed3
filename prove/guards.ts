/** Each guard of money and access, and how it is broken: `prove/mutations.ts` does so, one at a time, and something must notice. */

/** An edit at the marker `// guard: NAME` in the sources. */
export interface Edit {
  readonly marker: string
  readonly file: string
  /** What the guarded code becomes. */
  readonly to: (code: string) => string
}

export interface Mutation extends Edit {
  readonly guard: string
  /** A second guard of the same thing: it holds where the first is gone. */
  readonly also?: Edit
  /**
   * The proof itself, unless a test of `tests/model` is named here: every pair of operations at once, or a gateway that says
   * nothing just when something is to be closed, which chance brings about too seldom.
   */
  readonly noticedBy?: 'races' | 'silence' | 'pay-again' | 'access'
}

const PAYMENTS = 'apps/shop/src/payments'

const removed = () => ''
const instead = (code: string) => () => code
const after = (code: string) => (guarded: string) => `${code}\n${guarded}`

export const MUTATIONS: readonly Mutation[] = [
  {
    guard: "a notification's amount is the order's amount",
    marker: 'notification-amount',
    file: `${PAYMENTS}/settlement/settle.ts`,
    to: removed,
  },
  {
    guard: 'a notification is for our application',
    marker: 'alipay-application',
    file: `${PAYMENTS}/providers/alipay/provider.ts`,
    to: instead("{ check: 'application', passed: true },"),
  },
  {
    guard: 'a notification is for our seller id',
    marker: 'alipay-seller',
    file: `${PAYMENTS}/providers/alipay/provider.ts`,
    to: instead("{ check: 'seller', passed: true },"),
  },
  {
    guard: 'a notification is signed by Alipay',
    marker: 'alipay-signature',
    file: 'packages/alipay/src/signed-form.ts',
    to: instead('await verify(content, bytes, alipayPublicKey, signType)'),
  },
  {
    guard: 'a WeChat Pay notification is for our application',
    marker: 'wechat-application',
    file: `${PAYMENTS}/providers/wechat/provider.ts`,
    to: instead("{ check: 'application', passed: true },"),
  },
  {
    guard: 'a WeChat Pay notification is for our merchant',
    marker: 'wechat-merchant',
    file: `${PAYMENTS}/providers/wechat/provider.ts`,
    to: instead("{ check: 'seller', passed: true },"),
  },
  {
    guard: 'a WeChat Pay notification is signed by WeChat',
    marker: 'wechat-signature',
    file: 'packages/wechatpay/src/notification.ts',
    to: removed,
  },
  {
    guard: 'an attempt that is paid is not settled again',
    marker: 'settled-once',
    file: `${PAYMENTS}/settlement/settle.ts`,
    to: instead('if (attempt.id < 0) {'),
    also: { marker: 'attempt-may-be-paid', file: `${PAYMENTS}/settlement/settle.ts`, to: removed },
  },
  {
    guard: 'settling locks the rows of order and attempt',
    marker: 'settlement-locks',
    file: `${PAYMENTS}/settlement/settle.ts`,
    to: instead('.modifyEnd(sql` `)'),
    // Settling is one statement after this: the moment in between is too short for the proof's traffic.
    noticedBy: 'races',
  },
  {
    guard: 'a notification is settled in one transaction',
    marker: 'notification-transaction',
    file: `${PAYMENTS}/notifications/inbox.ts`,
    to: instead(`const received = await handle({
      tx: payments.db as never,
      begin: (...all) => Promise.all(all.map((one) => payments.db.executeQuery(one.compile()).then(({ rows }) => rows))) as never,
      end: (last) => payments.db.executeQuery(last.compile()).then(({ rows }) => rows) as never,
    }, payments, provider, raw, read)`),
  },
  {
    guard: "a gateway's answer is settled in one transaction",
    marker: 'query-transaction',
    file: `${PAYMENTS}/gateway-sync/query.ts`,
    to: instead('const settlement = await settle(payments.db as never, paid)'),
    noticedBy: 'races',
  },
  {
    guard: 'an order moves only along the transition table',
    marker: 'order-transition',
    file: 'apps/shop/src/orders/transition.ts',
    to: instead('if (!held) return undefined'),
    also: {
      marker: 'closes-unpaid-only',
      file: `${PAYMENTS}/gateway-sync/close-order.ts`,
      to: instead('if (!order) {'),
    },
    noticedBy: 'races',
  },
  {
    guard: 'a late payment does not pay an order that was closed',
    marker: 'order-may-be-paid',
    file: `${PAYMENTS}/settlement/settle.ts`,
    to: instead("if (!allows(ORDER_TRANSITIONS, 'pay', order.status, by) && order.status !== 'cancelled') {"),
  },
  {
    guard: 'a payment that its order does not need is refunded',
    marker: 'unneeded-payment-refunded',
    file: `${PAYMENTS}/settlement/settle.ts`,
    to: after('if (attemptId > 0) return recordAsUnmatched(tx, paid, reason, { orderId })'),
  },
  {
    guard: 'a course that was already owned is refunded',
    marker: 'owned-course-refunded',
    file: `${PAYMENTS}/settlement/settle.ts`,
    to: removed,
  },
  {
    guard: 'paying grants access',
    marker: 'access-granted',
    file: 'apps/shop/src/enrolments/access.ts',
    to: (code) => `${code} revoked_at: grant.orderId % 7 === 0 ? grant.at : null,`,
  },
  {
    guard: 'a notification is stored',
    marker: 'notification-stored',
    file: `${PAYMENTS}/notifications/inbox.ts`,
    to: instead('const kept = [1]'),
  },
  {
    guard: 'a notification is acknowledged only after the commit',
    marker: 'notification-transaction',
    file: `${PAYMENTS}/notifications/inbox.ts`,
    to: instead(`const received = await new Promise<Received>((done, failed) => {
      const late = async (transaction: PipelinedTransaction) => {
        const end: PipelinedTransaction['end'] = async (last) => (await transaction.tx.executeQuery(last.compile())).rows
        done(await handle({ ...transaction, end }, payments, provider, raw, read))
        await new Promise((passed) => setTimeout(passed, 300))
      }
      pipelinedTransaction(payments.db, late).catch(failed)
    })`),
  },
  {
    guard: 'the gateway is queried before an order is closed',
    marker: 'queried-before-closing',
    file: `${PAYMENTS}/gateway-sync/close-attempts.ts`,
    to: after("if (attempt.provider !== '') return false"),
  },
  {
    guard: 'an unpaid trade is closed at the gateway',
    marker: 'closed-at-gateway',
    file: `${PAYMENTS}/gateway-sync/close-attempts.ts`,
    to: instead('if (before.trade.state) return before.paid'),
  },
  {
    guard: 'while the gateway gives no answer, nothing is closed',
    marker: 'queried-before-closing',
    file: `${PAYMENTS}/gateway-sync/close-attempts.ts`,
    to: (code) => `${code}.catch(() => ({ paid: false, trade: { state: 'none' } }) as const)`,
    noticedBy: 'silence',
  },
  {
    guard: 'no order expires before its link has ended',
    marker: 'expires-after-link',
    file: `${PAYMENTS}/gateway-sync/close-order.ts`,
    to: instead('const ended = new Date(payments.clock().getTime() + 290_000)'),
  },
  {
    guard: 'an unopened link is queried once more after closing',
    marker: 'last-query',
    file: `${PAYMENTS}/gateway-sync/close-attempts.ts`,
    to: instead(
      "await moveAttempt(tx, 'close', { attemptNo, at: now, by, reason, set: { ask_at: lastLook && null } })",
    ),
  },
  {
    guard: 'a repeated request gets no link of a closed attempt, nor of an order that is paid or closed',
    marker: 'repeated-link',
    file: `${PAYMENTS}/checkout/checkout.ts`,
    to: instead('const isOver = false'),
    noticedBy: 'pay-again',
  },
  {
    guard: 'a link is not handed out if its order was paid or closed while it was made',
    marker: 'link-of-closed-attempt',
    file: `${PAYMENTS}/checkout/pay-links.ts`,
    to: removed,
    noticedBy: 'pay-again',
  },
  {
    guard: 'a refused link is queried at once',
    marker: 'refused-link-queried',
    file: `${PAYMENTS}/checkout/pay-links.ts`,
    to: instead("if ('refusal' in answer) throw new ShopError('PAYMENT_REFUSED')"),
    noticedBy: 'pay-again',
  },
  {
    guard: 'an attempt stays payable until a newer one has its link',
    marker: 'payable-attempt-kept',
    file: `${PAYMENTS}/gateway-sync/close-attempts.ts`,
    to: instead('const linked = 0'),
    noticedBy: 'pay-again',
  },
  {
    guard: 'an expired order names the one that took its late payment',
    marker: 'replaced-order-named',
    file: 'apps/shop/src/orders/replace.ts',
    to: removed,
    noticedBy: 'pay-again',
  },
  {
    guard: 'a refund is repeated with its own number',
    marker: 'refund-number',
    file: `${PAYMENTS}/gateway-sync/send-refund.ts`,
    to: (code) => code.replace('requestNo,', 'requestNo: requestNo.slice(0, 28) + String(1000 + refund.tries),'),
  },
  {
    guard: 'an unknown outcome is not a refusal',
    marker: 'unknown-is-no-refusal',
    file: `${PAYMENTS}/providers/alipay/provider.ts`,
    to: instead("if (made.ok && made.refunded) return { state: 'refused', refusal: 'unknown' }"),
  },
  {
    guard: 'the same key has one effect',
    marker: 'idempotency-key',
    file: 'apps/shop/src/http/idempotency.ts',
    to: after('if (key) return undefined'),
  },
  {
    guard: 'the sum of a refund is reserved',
    marker: 'refund-reserved',
    file: `${PAYMENTS}/refunds/balance.ts`,
    to: instead('if (attempt_id !== null && sign < 0) {'),
  },
  {
    guard: 'a released refund frees its sum',
    marker: 'refund-released',
    file: `${PAYMENTS}/refunds/decisions.ts`,
    to: removed,
  },
  {
    guard: 'a refund revokes the access of its lines',
    marker: 'refund-takes-access',
    file: `${PAYMENTS}/refunds/succeed.ts`,
    to: removed,
  },
  {
    guard: 'access that an import gave too outlives the refund of the order',
    marker: 'standby-takes-over',
    file: 'apps/shop/src/enrolments/access.ts',
    to: removed,
    noticedBy: 'access',
  },
  {
    guard: 'an import of somebody who bought the course is kept',
    marker: 'import-stands-by',
    file: 'apps/shop/src/enrolments/by-staff.ts',
    to: removed,
    noticedBy: 'access',
  },
  {
    guard: "a user's enrolments are locked in one order",
    marker: 'enrolments-in-one-order',
    file: 'apps/shop/src/enrolments/imports/run.ts',
    to: instead('const inOrder = rows'),
    noticedBy: 'access',
  },
  {
    guard: 'a refund revokes no other access',
    marker: 'refund-takes-its-lines-only',
    file: `${PAYMENTS}/refunds/succeed.ts`,
    to: instead('.filter((line) => whole || line.gone <= line.price_fen)'),
  },
  {
    guard: 'every transition leaves a line of history',
    marker: 'refund-history',
    file: `${PAYMENTS}/refunds/transition.ts`,
    to: instead("if (before.order_id !== null && event !== 'succeed') {"),
  },
  {
    guard: 'a payment is queried at the merchant where it was opened',
    marker: 'queried-where-opened',
    file: `${PAYMENTS}/providers/router.ts`,
    to: instead('const [own] = routes.now().all'),
  },
  {
    guard: 'a link is made with the keys that its payment was opened with',
    marker: 'link-keys',
    file: `${PAYMENTS}/providers/router.ts`,
    to: instead('const instance = merchant === null ? routes.now().all[1] : routes.now().all[0]'),
  },
  {
    guard: 'retired keys are kept',
    marker: 'retired-keys',
    file: `${PAYMENTS}/providers/registry.ts`,
    to: (code) => code.replaceAll('...retired]', '...retired.slice(retired.length)]'),
  },
]

/**
 * Breaks a guard in the text of its file. The code of a marker is the statement after it, with the lines indented below; of an
 * `if` with a block it is the condition, up to the brace.
 * @throws Error unless the marker is there once
 */
export function breakGuard(text: string, { marker, to }: Edit): string {
  const lines = text.split('\n')
  const [at, again] = lines.flatMap((line, index) => (line.trim() === `// guard: ${marker}` ? [index] : []))
  if (at === undefined || again !== undefined) throw new Error(`The marker "${marker}" is not there, or not once.`)
  const end = endOfGuarded(lines, at + 1)
  const code = lines.slice(at + 1, end).join('\n')
  return [...lines.slice(0, at), to(code), ...lines.slice(end)].join('\n')
}

function endOfGuarded(lines: readonly string[], start: number): number {
  const first = lines[start] ?? ''
  if (/^ *if .*\{$/.test(first)) return start + 1
  const indent = (line: string) => line.length - line.trimStart().length
  let end = start + 1
  while (indent(lines[end] ?? '') > indent(first)) end += 1
  const closes = end > start + 1 && /^ *[)\]}]/.test(lines[end] ?? '') && indent(lines[end] ?? '') === indent(first)
  return closes ? end + 1 : end
}
