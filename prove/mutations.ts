/**
 * `npm run prove -- mutations`: breaks each guard on purpose, one at a time in a copy of the sources, and runs a short proof.
 * A guard whose loss the proof does not notice is a hole in the proof. Exit code 1 where one is not caught.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Report } from './prove.ts'

interface Mutation {
  readonly guard: string
  readonly file: string
  readonly from: string
  readonly to: string
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
    from: 'passed: notice.appId === settings.appId,',
    to: 'passed: true,',
  },
  {
    guard: 'a notification is for our seller id',
    file: `${PAYMENTS}/providers/alipay/provider.ts`,
    from: 'passed: notice.sellerId === settings.sellerId,',
    to: 'passed: true,',
  },
  {
    guard: 'a notification is signed by Alipay',
    file: 'packages/alipay/src/signed-form.ts',
    from: 'if (!(await verify(content, bytes, alipayPublicKey, signType))) continue',
    to: 'await verify(content, bytes, alipayPublicKey, signType)',
  },
  {
    guard: 'an attempt that is paid is not settled again',
    file: `${PAYMENTS}/settle.ts`,
    from: "if (attempt.trade_no === paid.tradeNo) return { outcome: 'repeated' }",
    to: '',
  },
  {
    guard: 'an order moves only from where the table says',
    file: 'apps/shop/src/orders/transition.ts',
    from: 'if (!before || !allows(ORDER_TRANSITIONS, event, before.status, order.by)) return undefined',
    to: 'if (!before) return undefined',
  },
  {
    guard: 'a payment that its order does not need goes back',
    file: `${PAYMENTS}/settle.ts`,
    from: 'const refundId = await refundPayment(tx, { attemptId, orderId, amount: paid.amount, reason, now: paid.now })',
    to: 'const refundId = undefined ?? 0',
  },
  {
    guard: 'a course that was owned already goes back',
    file: `${PAYMENTS}/settle.ts`,
    from: 'if (owned.length > 0) await payBackLines(tx, paid, orderId, owned)',
    to: 'if (owned.length < 0) await payBackLines(tx, paid, orderId, owned)',
  },
  {
    guard: 'paying grants access',
    file: `${PAYMENTS}/settle.ts`,
    from: 'const owned = await grantForOrder(tx, grant)',
    to: 'const owned = paid.now.getTime() % 7 === 0 ? [] : await grantForOrder(tx, grant)',
  },
  {
    guard: 'a notification is stored',
    file: `${PAYMENTS}/inbox.ts`,
    from: 'await keep(tx, payments.clock(), provider, raw, read, verdict)\n  return verdict',
    to: 'return verdict',
  },
  {
    guard: 'a notification is acknowledged only after the commit',
    file: `${PAYMENTS}/inbox.ts`,
    from: 'const received = await payments.db.transaction().execute((tx) => handle(tx, payments, provider, raw, read))',
    to: "const received = { accepted: true, effect: 'later' }\n    void payments.db.transaction().execute((tx) => handle(tx, payments, provider, raw, read)).catch(() => {})",
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
    from: "if (after.trade.state === 'waiting') throw new ShopError('GATEWAY_UNAVAILABLE')\n  return after.paid",
    to: 'return after.paid',
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
]

const ROOT = join(import.meta.dirname, '..')
const COPIED = ['apps/shop', 'apps/web/dist', 'packages', 'prove', 'tests', 'package.json']

const { values } = parseArgs({
  options: {
    orders: { type: 'string', default: '150' },
    only: { type: 'string' },
    'at-once': { type: 'string', default: '2' },
  },
})
/** Which invariants the proof found broken; '' when it found none. A run that does not come to its end has noticed as well. */
async function tryOut(mutation: Mutation): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-mutation-'))
  try {
    copySources(folder)
    const file = join(folder, mutation.file)
    const source = readFileSync(file, 'utf8')
    if (source.split(mutation.from).length !== 2)
      throw new Error(`${mutation.file} does not hold once: ${mutation.from}`)
    writeFileSync(
      file,
      source.replace(mutation.from, () => mutation.to),
    )
    for (const seed of [1, 2]) {
      const report = await prove(folder, seed)
      if (!report) return 'the run did not come to its end'
      const broken = report.verdicts.filter((verdict) => verdict.broken.length > 0)
      if (report.folder) rmSync(report.folder, { recursive: true, force: true })
      if (broken.length > 0)
        return broken.map(({ invariant, broken: rows }) => `${invariant} (${rows.length})`).join('; ')
    }
    return ''
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function copySources(folder: string): void {
  for (const path of COPIED) cpSync(join(ROOT, path), join(folder, path), { recursive: true, filter: notInstalled })
  // The packages of this repository resolve to the copy, everything else to what is installed.
  const modules = join(folder, 'node_modules')
  cpSync(join(ROOT, 'node_modules/@xuecheng'), join(modules, '@xuecheng'), { recursive: true, verbatimSymlinks: true })
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@xuecheng') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
}

const notInstalled = (path: string): boolean => !path.endsWith('/node_modules')

function prove(folder: string, seed: number): Promise<Report | undefined> {
  const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const args = [join(folder, 'prove/main.ts'), '--orders', values.orders, '--seed', String(seed), '--json', '--quiet']
  const child = spawn(process.execPath, [...flags, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((done) => {
    child.once('exit', () => {
      try {
        done(JSON.parse(output.slice(output.indexOf('{'))) as Report)
      } catch {
        done(undefined)
      }
    })
  })
}

const wanted = MUTATIONS.filter(({ guard }) => values.only === undefined || guard.includes(values.only))
const results: { guard: string; caughtBy: string }[] = []
const queue = [...wanted]
await Promise.all(
  Array.from({ length: Number(values['at-once']) }, async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const caughtBy = await tryOut(next)
      results.push({ guard: next.guard, caughtBy })
      console.log(`${caughtBy ? 'caught    ' : 'NOT CAUGHT'} ${next.guard}${caughtBy ? `: ${caughtBy}` : ''}`)
    }
  }),
)
const missed = results.filter(({ caughtBy }) => !caughtBy)
console.log(`\n${results.length - missed.length} of ${results.length} caught`)
process.exit(missed.length === 0 ? 0 : 1)
