/** Prints `db/tables.generated.ts`: the types of all rows, read from a freshly migrated database. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../db/embedded/server.ts'
import { withClient } from '../db/hosts.ts'
import { migrate } from '../db/migrate.ts'

/** The types in `db/json-columns.ts` by table and column: the shape of JSON values, the codes of a text. */
const SHAPES: Readonly<Record<string, string>> = {
  'audit_log.after': 'AuditValues',
  'audit_log.before': 'AuditValues',
  'exports.search': 'unknown',
  'idempotency_keys.response': 'unknown',
  'reconciliations.summary': 'BillTotals',
  'imports.problems': 'ImportProblems',
  'login_failures.reserved': 'Record<string, number>',
  'notification_handlings.checks': 'NotificationChecks',
  'notifications.checks': 'NotificationChecks',
  'notifications.headers': 'Record<string, string>',
  'order_history.details': 'HistoryDetails',
  'order_history.reason_code': 'HistoryReason',
  'payment_attempts.link': 'StoredLink',
  'payment_settings.shown': 'ShownSettings',
  'refunds.reason_code': 'RefundReason',
  'shop_identity.contact': 'ShopContact',
  'trial_payments.link': 'StoredLink',
}

/** Amounts that may be negative, unlike `Fen`. */
const SIGNED = [
  'reconciliations.fees_fen',
  'reconciliation_differences.ours_fen',
  'reconciliation_differences.theirs_fen',
]

/** Required, but filled in by a trigger when it is missing. */
const BY_TRIGGER = ['users.login_name']

const TYPES: Readonly<Record<string, string>> = {
  bool: 'boolean',
  bytea: 'Buffer',
  // Read as `day::text`: a day in Beijing has no time and no zone.
  date: 'string',
  float8: 'number',
  int2: 'number',
  int4: 'number',
  int8: 'number',
  text: 'string',
  timestamptz: 'Date',
  uuid: 'string',
}

interface Column {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly hasDefault: boolean
  /** 'a' when only the database may write the column. */
  readonly identity: string
  /** The values that a check constraint on this column alone allows. */
  readonly values: readonly string[] | null
}

const COLUMNS = `
  select c.relname as table, a.attname as name, t.typname as type, a.attnotnull as required,
    a.atthasdef or a.attidentity <> '' as "hasDefault", a.attidentity as identity,
    (select array(select m[1] from regexp_matches(pg_get_constraintdef(k.oid), '''([^'']+)''::text', 'g') m)
     from pg_constraint k
     where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum] and t.typname = 'text'
       and pg_get_constraintdef(k.oid) ~ '^CHECK \\(\\(\\(?\\w+ = ANY \\(ARRAY\\['
     limit 1) as values
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and c.relname <> 'migrations'
  order by c.relname, a.attnum`

function typeOf({ table, name, type, required, hasDefault, identity, values }: Column): string {
  const key = `${table}.${name}`
  const shape = SHAPES[key]
  if (type === 'jsonb' || type === 'json') {
    if (!shape) throw new Error(`${key} is JSON: say its shape in db/json-columns.ts and in SHAPES`)
    return `${hasDefault ? 'JsonOrDefault' : 'Json'}<${shape}>${required ? '' : ' | null'}`
  }
  const isList = type.startsWith('_')
  const plain = TYPES[isList ? type.slice(1) : type]
  if (!plain) throw new Error(`${key} is of the type ${type}, which has no type of TypeScript yet`)
  const isFen = name.endsWith('_fen') && !SIGNED.includes(key)
  const known = shape ? shape : values ? values.map((value) => `'${value}'`).join(' | ') : isFen ? 'Fen' : plain
  const whole = isList ? `${known}[]` : known
  if (!required) return `${whole} | null`
  if (identity === 'a') return `GeneratedAlways<${whole}>`
  return hasDefault || BY_TRIGGER.includes(key) ? `Generated<${whole}>` : whole
}

async function readColumns(): Promise<Column[]> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-tables-'))
  const server = await startEmbeddedPostgres(join(folder, 'postgres'))
  try {
    await migrate(server.ownerUrl)
    return await withClient(server.ownerUrl, async (client) => (await client.query<Column>(COLUMNS)).rows)
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function write(columns: readonly Column[]): string {
  const tables = Map.groupBy(columns, ({ table }) => table)
  const text = [...tables].map(
    ([table, own]) => `  ${table}: {\n${own.map((column) => `    ${column.name}: ${typeOf(column)}\n`).join('')}  }\n`,
  )
  const shapes = ['Json', 'JsonOrDefault', ...Object.values(SHAPES).filter((shape) => /^[A-Z]\w+$/.test(shape))]
  return `/** Made by \`npm run generate\` from the migrated database; amounts are whole fen. Do not edit. */
import type { Generated, GeneratedAlways } from 'kysely'
import type { Fen } from '../money.ts'
import type { ${[...new Set(shapes)].sort().join(', ')} } from './json-columns.ts'

export interface Tables {
${text.join('')}}
`
}

process.stdout.write(write(await readColumns()))
