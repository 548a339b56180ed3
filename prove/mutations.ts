/**
 * `npm run prove -- mutations`: breaks each guard on purpose, one at a time in a copy of the sources, and runs a short proof.
 * A guard whose loss the proof does not notice is a hole in the proof. Exit code 1 where one is not caught.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
    from: "if (attempt.status === 'paid') {",
    to: 'if (attempt.id < 0) {',
  },
  {
    guard: 'whoever settles holds the rows of order and attempt',
    file: `${PAYMENTS}/settle.ts`,
    from: '.modifyEnd(sql`for no key update of orders, payment_attempts`)',
    to: '.modifyEnd(sql` `)',
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
    from: 'const settlement = await brief(payments.db, async ({ tx, begin }) => {\n      const [held] = await begin(attemptToSettle(tx, paid))\n      return settle(tx, paid, held[0])\n    })',
    to: 'const settlement = await settle(payments.db as never, paid)',
  },
  {
    guard: 'an order moves only from where the table says',
    file: 'apps/shop/src/orders/transition.ts',
    from: 'if (!held || !allows(ORDER_TRANSITIONS, event, held.status, cause.by)) return undefined',
    to: 'if (!held) return undefined',
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
    from: "if (before.trade.state !== 'waiting') return before.paid",
    to: 'if (before.trade.state) return before.paid',
  },
  {
    guard: 'while the gateway gives no answer, nothing is closed',
    file: `${PAYMENTS}/close-attempts.ts`,
    from: 'const before = await askAbout(payments, attempt)',
    to: "const before = await askAbout(payments, attempt).catch(() => ({ paid: false, trade: { state: 'none' } }) as const)",
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
]

const ROOT = join(import.meta.dirname, '..')
const COPIED = ['apps/shop', 'apps/web/dist', 'packages', 'prove', 'tests', 'package.json']
/** In memory where there is such a place: what a killed process wrote stays there too, and many runs share one disk. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const SEEDS = [1, 2, 3]
const RUN_LIMIT_MS = 8 * 60_000
const UNCHANGED: Mutation = { guard: '(nothing broken)', file: 'package.json', from: '', to: '' }

const { values } = parseArgs({
  options: {
    orders: { type: 'string', default: '150' },
    only: { type: 'string' },
    'at-once': { type: 'string', default: '2' },
  },
})

/** What noticed the mutation; '' when nothing did. */
interface Result {
  readonly guard: string
  readonly file: string
  readonly caughtBy: string
}

const queue = [...MUTATIONS, UNCHANGED].filter(({ guard }) => values.only === undefined || guard.includes(values.only))
const results: Result[] = []
await Promise.all(
  Array.from({ length: Number(values['at-once']) }, async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const caughtBy = await tryOut(next)
      results.push({ guard: next.guard, file: next.file, caughtBy })
      console.log(
        `| ${next.guard} | \`${next.file.replace('apps/shop/src/', '')}\` | ${caughtBy || '**not caught**'} |`,
      )
    }
  }),
)
const wrong = results.filter(({ guard, caughtBy }) => (guard === UNCHANGED.guard) === (caughtBy !== ''))
console.log(`\n${results.length - wrong.length} of ${results.length} as they should be`)
process.exit(wrong.length === 0 ? 0 : 1)

/** Which invariants the proof found broken; '' when it found none, with any of the seeds. */
async function tryOut(mutation: Mutation): Promise<string> {
  const folder = mkdtempSync(join(PLACE, 'xuecheng-mutation-'))
  try {
    copySources(folder)
    mutate(folder, mutation)
    for (const seed of SEEDS) {
      const report = await prove(folder, seed)
      if (!report) throw new Error(`${mutation.guard}: the run with seed ${seed} did not come to its end`)
      const broken = report.verdicts.filter((verdict) => verdict.broken.length > 0)
      if (broken.length > 0)
        return broken.map(({ invariant, broken: rows }) => `${invariant} (${rows.length})`).join('; ')
    }
    return ''
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function mutate(folder: string, { file, from, to }: Mutation): void {
  if (from === '') return
  const source = readFileSync(join(folder, file), 'utf8')
  if (source.split(from).length !== 2) throw new Error(`${file} does not hold once: ${from}`)
  writeFileSync(
    join(folder, file),
    source.replace(from, () => to),
  )
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

function notInstalled(path: string): boolean {
  return !path.endsWith('/node_modules')
}

function prove(folder: string, seed: number): Promise<Report | undefined> {
  const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const amount = ['--orders', values.orders, '--buyers', '24', '--settle-seconds', '60']
  const args = [join(folder, 'prove/main.ts'), ...amount, '--seed', String(seed), '--json', '--quiet']
  const child = spawn(process.execPath, [...flags, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, TMPDIR: folder },
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((done) => {
    child.once('close', () => {
      clearTimeout(limit)
      try {
        done(JSON.parse(output.slice(output.indexOf('{'))) as Report)
      } catch {
        done(undefined)
      }
    })
  })
}
