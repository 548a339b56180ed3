/**
 * The quota of notifications with an invalid signature. They are stored like all others, to help find mixed-up keys.
 * But anyone can send them, without end: so the stored bytes are limited for each address and in total, counted in the
 * database for all processes together. Beyond that they are refused and counted, and nothing of them is stored.
 */
import { sql } from 'kysely'
import { Counter } from 'prom-client'
import type { Database } from '../../db/connect.ts'
import { batchLoader } from '../../db/statements/batch-loader.ts'
import { lineOf } from '../../http/addresses/address-line.ts'
import type { NotificationRow } from './rows.ts'

const MB = 2 ** 20

/**
 * The limit, and how much of it is regained per hour. Rows are deleted after seven days (`prune-unverified.ts`): at most
 * 200 MB at a time.
 */
export const QUOTA = {
  line: { bytes: 4 * MB, anHour: MB / 4 },
  all: { bytes: 32 * MB, anHour: MB },
} as const

/**
 * What a row takes on disk besides its own text: its header, its fixed columns, and its entries in the two indexes that
 * hold every such row; measured on PostgreSQL 18 (tests/model/unverified.test.ts).
 */
const ROW_BYTES = 300
/**
 * JSON and TOASTed values take more than their text, and rows of two kilobytes leave up to a quarter of a page free.
 */
const STORED = 1.35
/** A number that it claims is also in an index of its own, whose pages are two thirds full. */
const indexed = (number: string | null): number => (number === null ? 0 : 40 + Buffer.byteLength(number) * 1.5)

/** What a notification takes in the database. */
export function costOf(row: NotificationRow): number {
  const texts = [row.provider, row.address, row.content_type, row.headers, row.checks, row.effect]
  const numbers = [row.attempt_no, row.notify_id, row.trade_no]
  const stored = [...texts, ...numbers].reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), row.body.length)
  return Math.ceil(ROW_BYTES + stored * STORED + numbers.reduce((sum, number) => sum + indexed(number), 0))
}

export interface UnverifiedQuota {
  /** Whether it may be stored; counted if so. */
  take(address: string, bytes: number, now: Date): Promise<boolean>
}

interface Wanted {
  readonly line: string
  readonly bytes: number
  readonly now: Date
}

/** After a refusal the database is not queried again for this long, so that refusing costs nothing. */
const REFUSED_MS = 60_000
const MAX_REMEMBERED = 10_000

export function createUnverifiedQuota(db: Database): UnverifiedQuota {
  const refused = new Map<string, number>()
  const takeTogether = batchLoader((wanted: readonly Wanted[]) => take(db, wanted))
  const isRefused = (line: string, now: Date) => {
    const since = refused.get(line)
    return since !== undefined && Math.abs(now.getTime() - since) < REFUSED_MS
  }
  return {
    async take(address, bytes, now) {
      const line = lineOf(address)
      if (isRefused(line, now) || isRefused(ALL, now)) return false
      const answer = await takeTogether({ line, bytes, now })
      if (answer === 'taken') return true
      if (refused.size >= MAX_REMEMBERED) refused.clear()
      refused.set(answer === 'all spent' ? ALL : line, now.getTime())
      return false
    },
  }
}

/** The row for all addresses together; no address looks like this. */
const ALL = '*'

type Answer = 'taken' | 'line spent' | 'all spent'

/**
 * All notifications from one address in a batch are taken together or not at all. Rows are locked in a fixed order, the
 * total last.
 */
async function take(db: Database, wanted: readonly Wanted[]): Promise<Answer[]> {
  const sums = new Map<string, number>()
  for (const { line, bytes } of wanted) sums.set(line, (sums.get(line) ?? 0) + bytes)
  const now = sql`${new Date(Math.max(...wanted.map((each) => each.now.getTime())))}::timestamptz`
  const left = ({ anHour }: { anHour: number }) => sql`greatest(0, unverified_quotas.bytes
    - floor(greatest(0, extract(epoch from ${now} - unverified_quotas.at)) * ${anHour}::float8 / 3600))::bigint`
  const { rows } = await sql<{ line: string; everyone: boolean }>`
    with wanted as (
      select line, bytes from unnest(${[...sums.keys()]}::text[], ${[...sums.values()]}::bigint[]) as wanted (line, bytes)),
    room as (
      select ${QUOTA.all.bytes}::bigint - coalesce((select ${left(QUOTA.all)} from unverified_quotas where line = ${ALL}), 0) as bytes),
    lines as (
      insert into unverified_quotas (line, bytes, at)
      select line, wanted.bytes, ${now} from wanted, room
      where wanted.bytes <= ${QUOTA.line.bytes} and wanted.bytes <= room.bytes order by line
      on conflict (line) do update set at = greatest(unverified_quotas.at, ${now}), bytes = ${left(QUOTA.line)} + excluded.bytes
        where ${left(QUOTA.line)} + excluded.bytes <= ${QUOTA.line.bytes}
      returning line),
    taken as (select coalesce(sum(bytes), 0)::bigint as bytes from wanted where line in (select line from lines)),
    everyone as (
      insert into unverified_quotas (line, bytes, at) select ${ALL}, bytes, ${now} from taken where bytes > 0
      on conflict (line) do update set at = greatest(unverified_quotas.at, ${now}), bytes = ${left(QUOTA.all)} + excluded.bytes
        where ${left(QUOTA.all)} + excluded.bytes <= ${QUOTA.all.bytes}
      returning line)
    select line, exists (select from everyone) as everyone from lines
    union all select ${ALL}, true from room where bytes < ${Math.min(...sums.values())}`.execute(db)
  const lines = new Map(rows.map(({ line, everyone }) => [line, everyone]))
  const isFull = lines.has(ALL)
  return wanted.map(({ line }) => {
    const everyone = lines.get(line)
    if (everyone === undefined) return isFull ? 'all spent' : 'line spent'
    return everyone ? 'taken' : 'all spent'
  })
}

/** Removes addresses whose whole quota has been regained. */
export async function forgetQuotas(db: Database, before: Date): Promise<void> {
  await db.deleteFrom('unverified_quotas').where('at', '<', before).execute()
}

export const notKept = new Counter({
  name: 'xuecheng_notifications_not_kept_total',
  help: 'Notifications that were not kept: of too many without a right signature (unverified), or sent again too often (duplicate)',
  labelNames: ['reason'],
})
