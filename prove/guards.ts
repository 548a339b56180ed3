/** Each guard of money and access, and how to take it out: `prove/mutations.ts` does, one at a time, and somebody must notice. */

export interface Mutation {
  readonly guard: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** A second guard of the same thing: it holds where the first is gone. */
  readonly also?: { readonly file: string; readonly from: string; readonly to: string }
  /**
   * The proof itself, unless a test of `tests/model` is named here: every pair of operations at once, or a gateway that says
   * nothing just when something is to be closed, which chance brings about too seldom.
   */
  readonly noticedBy?: 'races' | 'silence'
}

const PAYMENTS = 'apps/shop/src/payments'

export const MUTATIONS: readonly Mutation[] = [
  {
    guard: "a notification's amount is the order's amount",
    file: `${PAYMENTS}/settle.ts`,
    from: "if (attempt.amount_fen !== paid.amount) return setAside(tx, paid, 'AMOUNT_DIFFERS', { orderId: attempt.order_id })",
    to: '',
  },
  {
    guard: 'a notification is for our application',
    file: `${PAYMENTS}/providers/alipay/provider.ts`,
    from: "ours('application', notice.appId, settings.appId),",
    to: "{ check: 'application', passed: true },",
  },
  {
    guard: 'a notification is for our seller id',
    file: `${PAYMENTS}/providers/alipay/provider.ts`,
    from: "ours('seller', notice.sellerId, settings.sellerId),",
    to: "{ check: 'seller', passed: true },",
  },
  {
    guard: 'a notification is signed by Alipay',
    file: 'packages/alipay/src/signed-form.ts',
    from: 'if (!(await verify(content, bytes, alipayPublicKey, signType))) continue',
    to: 'await verify(content, bytes, alipayPublicKey, signType)',
  },
  {
    guard: 'a WeChat Pay notification is for our application',
    file: `${PAYMENTS}/providers/wechat/provider.ts`,
    from: "ours('application', notice.appId, settings.appId),",
    to: "{ check: 'application', passed: true },",
  },
  {
    guard: 'a WeChat Pay notification is for our merchant',
    file: `${PAYMENTS}/providers/wechat/provider.ts`,
    from: "ours('seller', notice.mchId, settings.mchId),\n    { check: 'status'",
    to: "{ check: 'seller', passed: true },\n    { check: 'status'",
  },
  {
    guard: 'a WeChat Pay notification is signed by WeChat',
    file: 'packages/wechatpay/src/notification.ts',
    from: 'if (bad) return refuse(bad.code, bad.message)',
    to: '',
  },
  {
    guard: 'an attempt that is paid is not settled again',
    file: `${PAYMENTS}/settle.ts`,
    from: "if (attempt.status === 'paid') {",
    to: 'if (attempt.id < 0) {',
    also: {
      file: `${PAYMENTS}/settle.ts`,
      from: "if (!allows(ATTEMPT_TRANSITIONS, 'pay', attempt.status, by)) throw",
      to: 'if (attempt.id < 0) throw',
    },
  },
  {
    guard: 'whoever settles holds the rows of order and attempt',
    file: `${PAYMENTS}/settle.ts`,
    from: '.modifyEnd(sql`for no key update of orders, payment_attempts`)',
    to: '.modifyEnd(sql` `)',
    // Settling is one statement after this: the moment in between is too short for the proof's traffic.
    noticedBy: 'races',
  },
  {
    guard: 'what a notification says is settled in one transaction',
    file: `${PAYMENTS}/inbox.ts`,
    from: 'await brief(payments.db, (transaction) => handle(transaction, payments, provider, raw, read))',
    to: `await handle({
      tx: payments.db as never,
      begin: (...all) => Promise.all(all.map((one) => payments.db.executeQuery(one.compile()).then(({ rows }) => rows))) as never,
      end: (last) => payments.db.executeQuery(last.compile()).then(({ rows }) => rows) as never,
    }, payments, provider, raw, read)`,
  },
  {
    guard: 'what the gateway answers is settled in one transaction',
    file: `${PAYMENTS}/ask.ts`,
    from: 'const settlement = await brief(payments.db, async ({ tx, begin }) => {\n      const [held] = await begin(attemptToSettle(tx, paid))\n      const settled = await settle(tx, paid, held[0])\n      await also?.(tx, trade.state)\n      return settled\n    })',
    to: 'const settlement = await settle(payments.db as never, paid)',
    noticedBy: 'races',
  },
  {
    guard: 'an order moves only from where the table says',
    file: 'apps/shop/src/orders/transition.ts',
    from: 'if (!held || !allows(ORDER_TRANSITIONS, event, held.status, cause.by)) return undefined',
    to: 'if (!held) return undefined',
    also: { file: `${PAYMENTS}/close-order.ts`, from: "if (order?.status !== 'unpaid') {", to: 'if (!order) {' },
    noticedBy: 'races',
  },
  {
    guard: 'a late payment does not pay an order that was closed',
    file: `${PAYMENTS}/settle.ts`,
    from: "if (!allows(ORDER_TRANSITIONS, 'pay', order.status, by)) {",
    to: "if (!allows(ORDER_TRANSITIONS, 'pay', order.status, by) && order.status !== 'cancelled') {",
  },
  {
    guard: 'a payment that its order does not need goes back',
    file: `${PAYMENTS}/settle.ts`,
    from: 'const refundId = await refundPayment(tx, { attemptId, orderId, amount: paid.amount, reason, now: paid.now })',
    to: 'if (attemptId > 0) return setAside(tx, paid, reason, { orderId })\n  const refundId = await refundPayment(tx, { attemptId, orderId, amount: paid.amount, reason, now: paid.now })',
  },
  {
    guard: 'a course that was owned already goes back',
    file: `${PAYMENTS}/settle.ts`,
    from: 'if (owned.length > 0) await payBackLines(tx, paid, orderId, owned)',
    to: 'if (owned.length < 0) await payBackLines(tx, paid, orderId, owned)',
  },
  {
    guard: 'paying grants access',
    file: 'apps/shop/src/enrolments/access.ts',
    from: "granted_by: 'order',",
    to: "granted_by: 'order', revoked_at: grant.orderId % 7 === 0 ? grant.at : null,",
  },
  {
    guard: 'a notification is stored',
    file: `${PAYMENTS}/inbox.ts`,
    from: 'await end(notificationRow(tx, rowOf(payments.clock(), provider, raw, read, verdict)))\n  return verdict',
    to: 'return verdict',
  },
  {
    guard: 'a notification is acknowledged only after the commit',
    file: `${PAYMENTS}/inbox.ts`,
    from: 'const received = await brief(payments.db, (transaction) => handle(transaction, payments, provider, raw, read))',
    to: `const received = await new Promise<Received>((done, failed) => {
      const late = async (transaction: Brief) => {
        const end: Brief['end'] = async (last) => (await transaction.tx.executeQuery(last.compile())).rows
        done(await handle({ ...transaction, end }, payments, provider, raw, read))
        await new Promise((passed) => setTimeout(passed, 300))
      }
      brief(payments.db, late).catch(failed)
    })`,
  },
  {
    guard: 'the gateway is asked before an order is closed',
    file: `${PAYMENTS}/close-attempts.ts`,
    from: 'const before = await askAbout(payments, attempt)',
    to: "if (attempt.provider !== '') return false\n  const before = await askAbout(payments, attempt)",
  },
  {
    guard: 'what waits at the gateway is closed there',
    file: `${PAYMENTS}/close-attempts.ts`,
    from: "if (before.trade.state !== 'waiting' && !spend) return before.paid",
    to: 'if (before.trade.state) return before.paid',
  },
  {
    guard: 'while the gateway gives no answer, nothing is closed',
    file: `${PAYMENTS}/close-attempts.ts`,
    from: 'const before = await askAbout(payments, attempt)',
    to: "const before = await askAbout(payments, attempt).catch(() => ({ paid: false, trade: { state: 'none' } }) as const)",
    noticedBy: 'silence',
  },
  {
    guard: 'no order expires before its link has ended',
    file: `${PAYMENTS}/close-order.ts`,
    from: 'payments.clock().getTime() - CLOCK_MARGIN_MS',
    to: 'payments.clock().getTime() + 290_000',
  },
  {
    guard: 'a link that nobody had opened is looked at once more',
    file: `${PAYMENTS}/close-attempts.ts`,
    from: "await moveAttempt(tx, 'close', { attemptNo, at: now, by, reason, set: { ask_at: lastLook } })",
    to: "await moveAttempt(tx, 'close', { attemptNo, at: now, by, reason, set: { ask_at: lastLook && null } })",
  },
  {
    guard: 'a refund is repeated with its own number',
    file: `${PAYMENTS}/send-refund.ts`,
    from: 'return { attempt_id, unmatched_id, requestNo, amount,',
    to: 'return { attempt_id, unmatched_id, requestNo: requestNo.slice(0, 28) + String(1000 + refund.tries), amount,',
  },
  {
    guard: 'an unknown outcome is no refusal',
    file: `${PAYMENTS}/providers/alipay/provider.ts`,
    from: "if (made.ok && made.refunded) return { state: 'succeeded' }",
    to: "if (made.ok && made.refunded) return { state: 'refused', refusal: 'unknown' }",
  },
  {
    guard: 'the same key has one effect',
    file: 'apps/shop/src/http/idempotency.ts',
    from: "if (typeof key !== 'string') return undefined",
    to: "if (typeof key !== 'string' || key) return undefined",
  },
  {
    guard: 'the sum of a refund is reserved',
    file: `${PAYMENTS}/refund-sums.ts`,
    from: 'if (attempt_id !== null) {',
    to: 'if (attempt_id !== null && sign < 0) {',
  },
  {
    guard: 'what was released is free again',
    file: `${PAYMENTS}/refund-decisions.ts`,
    from: "if (!before) throw new ShopError('REFUND_DECIDED')\n  await release(tx, orderId, before, await linesOf(tx, id))\n  return before",
    to: "if (!before) throw new ShopError('REFUND_DECIDED')\n  return before",
  },
  {
    guard: 'a refund takes the access of its lines',
    file: `${PAYMENTS}/send-refund.ts`,
    from: 'await revokeForOrder(tx, { orderId, courseIds: gone, at: now, reason })',
    to: '',
  },
  {
    guard: 'a refund takes no other access',
    file: `${PAYMENTS}/send-refund.ts`,
    from: '.filter((line) => whole || (line.gone === line.price_fen && courseIds.includes(line.course_id)))',
    to: '.filter((line) => whole || line.gone <= line.price_fen)',
  },
  {
    guard: 'every transition leaves a line of history',
    file: `${PAYMENTS}/move-refund.ts`,
    from: 'if (before.order_id !== null) {',
    to: "if (before.order_id !== null && event !== 'succeed') {",
  },
  {
    guard: 'a payment is asked about where it was opened',
    file: `${PAYMENTS}/providers/live.ts`,
    from: 'const own = all.find(({ provider }) => provider.merchant === merchant)',
    to: 'const [own] = all',
  },
  {
    guard: 'a link is made with the keys that its payment was opened with',
    file: `${PAYMENTS}/providers/live.ts`,
    from: 'const edition = merchant === null ? all[0] : all.find(({ provider }) => provider.merchant === merchant)',
    to: 'const edition = merchant === null ? all[1] : all[0]',
  },
  {
    guard: 'former keys are kept',
    file: `${PAYMENTS}/providers/registry.ts`,
    from: ': [chosen, given, ...former]',
    to: ': [chosen, given, ...former.slice(former.length)]',
  },
]
