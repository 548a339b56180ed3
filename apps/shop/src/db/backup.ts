/**
 * A backup of the whole shop in one file: gzip over text. The first line is JSON with the file's type, the migrations
 * it needs and the months it has rows of. Then each table has a line of JSON with its name and columns, its rows as
 * PostgreSQL's COPY writes them, and a line `\.`. All tables come from one snapshot, and the shop may keep running.
 */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { writeDurably } from './durable-file.ts'
import { withClient } from './hosts.ts'

const FORMAT = 'xuecheng-backup'
const VERSION = 1
const END = '\\.'

/** Created by the migrations themselves, or useless in another database. */
const LEFT_OUT = ['migrations', 'login_failures']

interface Month {
  readonly grown: string
  /** The first day of the month. */
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

/** The file is not a backup, or does not fit the database; the message says which. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

/** Writes the backup. The file gets its name only when it is complete and flushed to disk. */
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
    await writeDurably(file, [Readable.from(write()), createGzip()])
    await client.query('commit')
    return { tables: counts, at }
  })
}

/** @throws BackupError when the file is not a backup of this shop */
export async function refuseNoBackup(file: string): Promise<void> {
  const source = createReadStream(file)
  try {
    headerOf(file, await next(linesOf(source.pipe(createGunzip()))))
  } finally {
    source.destroy()
  }
}

function headerOf(file: string, line: string | undefined): Header {
  const header = readJson<Header>(line)
  if (header?.format !== FORMAT || header.version !== VERSION)
    throw new BackupError(`${file} is not a backup of this shop`)
  return header
}

/** Restores a backup into an empty database with the same migrations, completely or not at all. @throws BackupError */
export async function restore(url: string, file: string): Promise<BackupSummary> {
  return withClient(url, async (client) => {
    await client.query('begin')
    const reader = linesOf(createReadStream(file).pipe(createGunzip()))
    const header = headerOf(file, await next(reader))
    await refuseUnfit(client, header.migrations)
    const counts: Record<string, number> = {}
    await addMonths(client, header.months ?? [])
    await deferReferences(client, true)
    const known = new Map((await tablesOf(client)).map((table) => [table.name, table.columns]))
    for (let line = await next(reader); line !== undefined; line = await next(reader)) {
      const { table, columns } = readJson<{ table: string; columns: string[] }>(line) ?? { table: '', columns: [] }
      if (!known.get(table) || known.get(table)?.join() !== columns.join()) {
        throw new BackupError(`the table "${table}" has other columns in the backup than in this database`)
      }
      // Rows that migrations insert into a new database are replaced by the rows of the backup.
      const first = await client.query(`select from ${table} limit 1`)
      if (first.rowCount) await client.query(`delete from ${table}`)
      const into = client.query(copyFrom(`copy ${table} (${columns.join(', ')}) from stdin`))
      await pipeline(Readable.from(rowsOf(reader)), into)
      counts[table] = into.rowCount
    }
    await client.query('set constraints all immediate')
    await deferReferences(client, false)
    await continueNumbers(client)
    // An old backup does not list its months: its rows from before this database went into the default partition.
    await client.query("select keep_months((now() at time zone 'Asia/Shanghai')::date, 0)")
    await client.query('commit')
    return { tables: counts, at: header.at }
  })
}

type Lines = AsyncIterator<string>

/** Splits at line feeds only: a text may contain characters that other readers treat as the end of a line. */
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

/** The lines of COPY up to the end of the table. @throws BackupError when the file ends before that */
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
 * The months that may have rows. A monthly partition names its month; the rows of the other partitions (older ones and
 * the default partition) must be read.
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

/** Creates partitions while the tables are empty: rows in the default partition would have to be moved later. */
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

/** Tables refer to each other in both directions, so foreign keys are checked once, after all rows are loaded. */
async function deferReferences(client: pg.Client, defer: boolean): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('alter table %s alter constraint %I %s', conrelid::regclass, conname, $1::text) as statement
     from pg_constraint where contype = 'f' and conparentid = 0 and connamespace = 'public'::regnamespace`,
    [defer ? 'deferrable initially deferred' : 'not deferrable'],
  )
  for (const { statement } of rows) await client.query(statement)
}

/** New rows get numbers after the restored ones. */
async function continueNumbers(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('select setval(%L, coalesce((select max(%I) from %I), 0) + 1, false)',
       pg_get_serial_sequence(table_name, column_name), column_name, table_name) as statement
     from information_schema.columns where table_schema = 'public' and is_identity = 'YES'
       and table_name not in (select relname from pg_class where relispartition)`,
  )
  for (const { statement } of rows) await client.query(statement)
}
