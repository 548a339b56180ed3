/**
 * A backup of the whole shop as one file: gzip over text. First a line of JSON that says what it is and which migrations it
 * needs, and which months it has rows of; then for each table a line of JSON with its name and columns, its rows as PostgreSQL's COPY writes them, and a
 * line `\.`. All tables are read at the same moment; a shop that runs goes on running.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { primaryAddress } from './hosts.ts'

const FORMAT = 'xuecheng-backup'
const VERSION = 1
const END = '\\.'

/** Written anew by itself, or of no use elsewhere. */
const LEFT_OUT = ['migrations', 'login_failures']

interface Month {
  readonly grown: string
  /** Its first day. */
  readonly month: string
}

interface Header {
  readonly format: string
  readonly version: number
  readonly at: string
  readonly migrations: readonly string[]
  readonly months?: readonly Month[]
}

export interface BackupSummary {
  readonly tables: Readonly<Record<string, number>>
  readonly at: string
}

/** A file that is no backup, or does not fit the database; the message says which. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

/** Writes the backup beside its final name first, so that a half-written one never bears it. */
export async function backUp(url: string, file: string): Promise<BackupSummary> {
  return withClient(url, async (client) => {
    const counts: Record<string, number> = {}
    const at = new Date().toISOString()
    await client.query('begin isolation level repeatable read read only')
    const migrations = await migrationsOf(client)
    const months = await monthsOf(client)
    const tables = await tablesOf(client)
    async function* write(): AsyncGenerator<string | Buffer> {
      yield `${JSON.stringify({ format: FORMAT, version: VERSION, at, migrations, months })}\n`
      for (const { name, columns } of tables) {
        yield `${JSON.stringify({ table: name, columns })}\n`
        const stream = client.query(copyTo(`copy (select ${columns.join(', ')} from ${name}) to stdout`))
        for await (const chunk of stream) yield chunk as Buffer
        counts[name] = stream.rowCount
        yield `${END}\n`
      }
    }
    const partial = `${file}.partial`
    await pipeline(Readable.from(write()), createGzip(), createWriteStream(partial, { mode: 0o600 }))
    await client.query('commit')
    await rename(partial, file)
    return { tables: counts, at }
  })
}

/** Puts a backup into an empty database with the same migrations: all of it or nothing. @throws BackupError */
export async function restore(url: string, file: string): Promise<BackupSummary> {
  return withClient(url, async (client) => {
    await client.query('begin')
    const reader = linesOf(createReadStream(file).pipe(createGunzip()))
    const header = readJson<Header>(await next(reader))
    if (header?.format !== FORMAT || header.version !== VERSION)
      throw new BackupError(`${file} is no backup of this shop`)
    await refuseUnfit(client, header.migrations)
    const counts: Record<string, number> = {}
    await addMonths(client, header.months ?? [])
    await deferReferences(client, true)
    const known = new Map((await tablesOf(client)).map((table) => [table.name, table.columns]))
    for (let line = await next(reader); line !== undefined; line = await next(reader)) {
      const { table, columns } = readJson<{ table: string; columns: string[] }>(line) ?? { table: '', columns: [] }
      if (!known.get(table) || known.get(table)?.join() !== columns.join()) {
        throw new BackupError(`the table "${table}" of the backup is not the one of this database`)
      }
      // What migrations put into a new database by themselves gives way to what the backup has of it.
      const first = await client.query(`select from ${table} limit 1`)
      if (first.rowCount) await client.query(`delete from ${table}`)
      const into = client.query(copyFrom(`copy ${table} (${columns.join(', ')}) from stdin`))
      await pipeline(Readable.from(rowsOf(reader)), into)
      counts[table] = into.rowCount
    }
    await client.query('set constraints all immediate')
    await deferReferences(client, false)
    await continueNumbers(client)
    // Of a backup that does not name its months, what is older than this database went where rows without a month go.
    await client.query("select keep_months((now() at time zone 'Asia/Shanghai')::date, 0)")
    await client.query('commit')
    return { tables: counts, at: header.at }
  })
}

type Lines = AsyncIterator<string>

/** Split at line feeds and nowhere else: a text may hold what other readers take for the end of a line. */
async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk])
    let start = 0
    for (let end = rest.indexOf(10, start); end >= 0; end = rest.indexOf(10, start)) {
      yield rest.toString('utf8', start, end)
      start = end + 1
    }
    rest = rest.subarray(start)
  }
  if (rest.length > 0) yield rest.toString('utf8')
}

async function next(reader: Lines): Promise<string | undefined> {
  const { value, done } = await reader.next()
  return done ? undefined : value
}

/** COPY's own lines, up to the one that ends the table. @throws BackupError where the file ends before */
async function* rowsOf(reader: Lines): AsyncGenerator<string> {
  for (;;) {
    const line = await next(reader)
    if (line === undefined) throw new BackupError('the backup is cut off')
    if (line === END) return
    yield `${line}\n`
  }
}

function readJson<Value>(line: string | undefined): Value | undefined {
  try {
    return JSON.parse(line ?? '') as Value
  } catch {
    return undefined
  }
}

async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: await primaryAddress(url) })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

async function migrationsOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from migrations order by name',
  )
  return rows.map((row) => `${row.name} ${row.checksum}`)
}

async function tablesOf(client: pg.Client): Promise<{ name: string; columns: string[] }[]> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `select table_name as name, array_agg(quote_ident(column_name) order by ordinal_position)::text[] as columns
     from information_schema.columns join information_schema.tables using (table_schema, table_name)
     where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> all($1)
       and table_name not in (select relname from pg_class where relispartition)
     group by table_name order by table_name`,
    [LEFT_OUT],
  )
  return rows
}

/**
 * Of which months there may be rows. A partition that bears its month is not read for that; what is older than the months,
 * or has found none, is.
 */
async function monthsOf(client: pg.Client): Promise<Month[]> {
  const { rows: parts } = await client.query<{ part: string; grown: string; key: string }>(
    `select inhrelid::regclass::text as part, inhparent::regclass::text as grown, months_of(inhparent::regclass) as key
     from pg_inherits where months_of(inhparent::regclass) is not null order by 1`,
  )
  const months: Month[] = []
  for (const { part, grown, key } of parts) {
    const [, year, month] = /^(?!.*_before_).*_(\d{4})_(\d\d)$/.exec(part) ?? []
    if (year && month) months.push({ grown, month: `${year}-${month}-01` })
    else {
      const { rows } = await client.query<{ month: string }>(
        `select distinct date_trunc('month', ${key} at time zone 'Asia/Shanghai')::date::text as month from ${part}`,
      )
      months.push(...rows.map((row) => ({ grown, month: row.month })))
    }
  }
  return months
}

/** While there is nothing to move: a row that found no month would have to be looked for, month by month, later. */
async function addMonths(client: pg.Client, months: readonly Month[]): Promise<void> {
  for (const { grown, month } of months) {
    await client.query('select add_month($1::regclass, $2::date) where months_of($1::regclass) is not null', [
      grown,
      month,
    ])
  }
}

async function refuseUnfit(client: pg.Client, migrations: readonly string[]): Promise<void> {
  if ((await migrationsOf(client)).join() !== migrations.join()) {
    throw new BackupError(
      'the backup was made by another version of the shop; restore it with that version, then upgrade',
    )
  }
  const { rows } = await client.query<{ full: boolean }>(
    'select exists (select from users) or exists (select from orders) or exists (select from courses) as full',
  )
  if (rows[0]?.full) throw new BackupError('the database is not empty; a backup is restored into an empty one')
}

/** Rows refer to each other across tables, some both ways: references are checked once, when all of them are there. */
async function deferReferences(client: pg.Client, defer: boolean): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('alter table %s alter constraint %I %s', conrelid::regclass, conname, $1::text) as statement
     from pg_constraint where contype = 'f' and conparentid = 0 and connamespace = 'public'::regnamespace`,
    [defer ? 'deferrable initially deferred' : 'not deferrable'],
  )
  for (const { statement } of rows) await client.query(statement)
}

/** New rows are numbered after the restored ones. */
async function continueNumbers(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('select setval(%L, coalesce((select max(%I) from %I), 0) + 1, false)',
       pg_get_serial_sequence(table_name, column_name), column_name, table_name) as statement
     from information_schema.columns where table_schema = 'public' and is_identity = 'YES'
       and table_name not in (select relname from pg_class where relispartition)`,
  )
  for (const { statement } of rows) await client.query(statement)
}
