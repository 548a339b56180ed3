/** Reconciled days and their differences, for the back office. */
import { type Static, Type } from 'typebox'
import { mayDo } from '../admin/permissions.ts'
import type { Role } from '../auth/sessions/sessions.ts'
import { DAY_PATTERN } from '../beijing-day.ts'
import type { Reader } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { cutPage, type Page, readCursor } from '../http/cursor.ts'
import { Moment, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { formatYuan, toFen } from '../money.ts'
import { DIFFERENCE_KINDS } from './compare.ts'
import { isOpen, REPAIRS, REPAIRS_OF } from './repair.ts'
import type { Day } from './run.ts'

const PAGE = 31
const OrNull = <Shape extends ReturnType<typeof Type.String>>(shape: Shape) => Type.Union([shape, Type.Null()])
/** Signed: a fee that was returned is negative. */
const Amount = Type.String({ pattern: '^-?\\d+\\.\\d{2}$' })

export const DayShape = Type.Object(
  {
    provider: Type.String(),
    day: Type.String({ pattern: DAY_PATTERN, description: 'A Beijing day' }),
    status: Type.Enum(['waiting', 'running', 'done', 'failed', 'contradictory', 'not_offered']),
    startedAt: OrNull(Moment),
    finishedAt: OrNull(Moment),
    runs: Type.Integer(),
    trades: Type.Union([Type.Integer(), Type.Null()]),
    tradesAmount: OrNull(Amount),
    refunds: Type.Union([Type.Integer(), Type.Null()]),
    refundsAmount: OrNull(Amount),
    fees: OrNull(Amount),
    summary: Type.Union([Type.Record(Type.String(), Type.Integer()), Type.Null()], {
      description: "The totals that the bill itself states, by the gateway's names: amounts in fen, and counts",
    }),
    differences: Type.Integer({ description: 'Those that the last run found' }),
    openDifferences: Type.Integer(),
    problem: OrNull(Type.String()),
    stage: Type.Union([Type.Enum(['bill', 'books']), Type.Null()], {
      description: 'What a run is at: it fetches the bill, or compares it with our books',
    }),
    lines: Type.Union([Type.Integer(), Type.Null()], { description: 'How many lines the bill has, once it is here' }),
  },
  { $id: 'Reconciliation' },
)

export const DifferenceShape = Type.Object(
  {
    id: Type.Integer(),
    provider: Type.String(),
    day: Type.String(),
    kind: Type.Enum([...DIFFERENCE_KINDS]),
    tradeNo: OrNull(Type.String()),
    attemptNo: OrNull(Type.String()),
    requestNo: OrNull(Type.String()),
    orderNo: OrNull(Type.String()),
    ours: OrNull(Amount),
    theirs: OrNull(Amount),
    foundAt: Moment,
    goneAt: OrNull(Moment),
    repair: Type.Union([Type.Enum([...REPAIRS]), Type.Null()]),
    repairedAt: OrNull(Moment),
    repairedBy: OrNull(Type.String()),
    note: Type.String(),
    repairs: Type.Array(Type.Enum([...REPAIRS]), { description: 'What the requesting user may do about it now' }),
  },
  { $id: 'Difference' },
)

export type DayView = Static<typeof DayShape>
export type DifferenceView = Static<typeof DifferenceShape>

const signed = (fen: number | null): string | null =>
  fen === null ? null : `${fen < 0 ? '-' : ''}${formatYuan(toFen(Math.abs(fen)))}`

const days = (db: Reader) =>
  db
    .selectFrom('reconciliations')
    .selectAll()
    .select((column) => [
      column
        .selectFrom('reconciliation_differences as d')
        .select((count) => count.fn.countAll<number>().as('n'))
        .whereRef('d.provider', '=', 'reconciliations.provider')
        .whereRef('d.day', '=', 'reconciliations.day')
        .where('d.gone_at', 'is', null)
        .as('differences'),
      column
        .selectFrom('reconciliation_differences as d')
        .select((count) => count.fn.countAll<number>().as('n'))
        .whereRef('d.provider', '=', 'reconciliations.provider')
        .whereRef('d.day', '=', 'reconciliations.day')
        .where('d.gone_at', 'is', null)
        .where('d.repaired_at', 'is', null)
        .as('open'),
    ])

type Row = Awaited<ReturnType<ReturnType<typeof days>['executeTakeFirstOrThrow']>>

function writeDay(row: Row, now: Date): DayView {
  // A run that was killed leaves its row as running; its deadline shows that it no longer runs.
  const interrupted = row.status === 'running' && row.running_until !== null && row.running_until < now
  return {
    provider: row.provider,
    day: row.day,
    status: interrupted ? 'failed' : row.status,
    startedAt: writeMomentOrNull(row.started_at),
    finishedAt: writeMomentOrNull(row.finished_at),
    runs: row.runs,
    trades: row.trades,
    tradesAmount: signed(row.trades_fen),
    refunds: row.refunds,
    refundsAmount: signed(row.refunds_fen),
    fees: signed(row.fees_fen),
    summary: row.summary,
    differences: row.differences ?? 0,
    openDifferences: row.open ?? 0,
    problem: interrupted ? 'INTERRUPTED' : row.problem,
    stage: interrupted ? null : row.stage,
    lines: row.lines,
  }
}

/** Newest day first. */
export async function listDays(db: Reader, now: Date, cursor?: string): Promise<Page<DayView>> {
  const after = readCursor(cursor, ['string', 'string'])
  let select = days(db)
  if (after) {
    const [day, provider] = [String(after[0]), String(after[1])]
    select = select.where((where) =>
      where.or([where('day', '<', day), where.and([where('day', '=', day), where('provider', '>', provider)])]),
    )
  }
  const rows = await select
    .orderBy('day', 'desc')
    .orderBy('provider')
    .limit(PAGE + 1)
    .execute()
  const { page, next } = cutPage(rows, PAGE, ({ day, provider }) => [day, provider])
  return { items: page.map((row) => writeDay(row, now)), next }
}

/** @throws ShopError NOT_FOUND */
export async function readDay(db: Reader, { provider, day }: Day, now: Date): Promise<DayView> {
  const row = await days(db).where('provider', '=', provider).where('day', '=', day).executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  return writeDay(row, now)
}

const differences = (db: Reader) =>
  db
    .selectFrom('reconciliation_differences')
    .leftJoin('orders', 'orders.id', 'reconciliation_differences.order_id')
    .leftJoin('users', 'users.id', 'reconciliation_differences.repaired_by')
    .selectAll('reconciliation_differences')
    .select(['orders.order_no', 'users.username'])

type DifferenceRow = Awaited<ReturnType<ReturnType<typeof differences>['executeTakeFirstOrThrow']>>

function writeDifference(row: DifferenceRow, role: Role): DifferenceView {
  const given = (text: string) => (text === '' ? null : text)
  return {
    id: row.id,
    provider: row.provider,
    day: row.day,
    kind: row.kind,
    tradeNo: given(row.trade_no),
    attemptNo: given(row.attempt_no),
    requestNo: given(row.request_no),
    orderNo: row.order_no,
    ours: signed(row.ours_fen),
    theirs: signed(row.theirs_fen),
    foundAt: writeMoment(row.found_at),
    goneAt: writeMomentOrNull(row.gone_at),
    repair: row.repair,
    repairedAt: writeMomentOrNull(row.repaired_at),
    repairedBy: row.username,
    note: row.note,
    repairs: isOpen(row) && mayDo(role, 'money.repair') ? [...REPAIRS_OF[row.kind]] : [],
  }
}

/** All differences of a day, open ones first. */
export async function differencesOf(db: Reader, { provider, day }: Day, role: Role): Promise<DifferenceView[]> {
  const rows = await differences(db)
    .where('provider', '=', provider)
    .where('day', '=', day)
    .orderBy((order) => order.and([order('gone_at', 'is', null), order('repaired_at', 'is', null)]), 'desc')
    .orderBy('reconciliation_differences.id')
    .limit(1000)
    .execute()
  return rows.map((row) => writeDifference(row, role))
}

/** @throws ShopError NOT_FOUND */
export async function readDifference(db: Reader, id: number, role: Role): Promise<DifferenceView> {
  const row = await differences(db).where('reconciliation_differences.id', '=', id).executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  return writeDifference(row, role)
}
