/** Random requests, made from the API's description and then broken: seeded, so that what one found is found again. */
import { longestRight, type Operation, type Schema } from './worst-requests.ts'

export interface FuzzRequest {
  readonly operation: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer | undefined
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const STRANGE: readonly unknown[] = [
  ...[
    null,
    true,
    -1,
    0,
    1.5,
    1e308,
    9_007_199_254_740_992,
    '',
    ' ',
    'x'.repeat(5000),
    '\0',
    '\ud800',
    '😀',
    "' or 1=1 --",
  ],
  ...[[], {}, [[]], [null], { a: { b: {} } }, '39.00', '-1', '1e3', 'NaN', '../../etc/passwd', '%', '{{x}}', '<b>'],
]
const PATHS = [
  '%00',
  '%',
  '%ff',
  '..%2f..%2f',
  '😀',
  "'",
  '-1',
  '0',
  '1.5',
  '99999999999999999999',
  'x'.repeat(99),
  'x'.repeat(3000),
]
const HEADERS: readonly (readonly [string, string])[] = [
  ...(['accept-language', 'idempotency-key', 'authorization', 'cookie', 'origin', 'range'] as const).flatMap((name) =>
    ['', 'x'.repeat(2000), ';;;,,,', '=', 'Bearer', 'Bearer x', 'bytes=9-1', 'xuecheng_session=a.b.c', 'null'].map(
      (value) => [name, value] as const,
    ),
  ),
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'multipart/form-data; boundary=x',
    'a/b;c=;',
  ].map((value) => ['content-type', value] as const),
]

/** One request to the operation. */
export function fuzzed(operation: Operation, random: () => number): FuzzRequest {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  const often = (share: number) => random() < share
  const { name, method } = operation
  const path = often(0.3) ? operation.path.replace(/[^/]+$/, () => pick(PATHS)) : operation.path
  const query = Object.entries(operation.query).filter(() => often(0.5))
  const values = query.map(([key, schema]): [string, string] => [
    key,
    String(often(0.5) ? pick(STRANGE) : longestRight(schema)),
  ])
  const search = new URLSearchParams(values).toString()
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (often(0.3)) {
    const [header, value] = pick(HEADERS)
    headers[header] = value
  }
  const body = method === 'GET' ? undefined : bodyOf(operation.body, { pick, often, random })
  return {
    operation: name,
    method,
    path: encodeURI(path.replaceAll('%', '%25')).replaceAll('%2525', '%') + (search ? `?${search}` : ''),
    headers,
    body,
  }
}

interface Chance {
  readonly pick: <Item>(items: readonly Item[]) => Item
  readonly often: (share: number) => boolean
  readonly random: () => number
}

function bodyOf(schema: Schema | undefined, chance: Chance): string | Buffer | undefined {
  const { pick, often, random } = chance
  if (often(0.05)) return undefined
  if (often(0.1))
    return pick(['', '{', '[', 'null', '{"__proto__":{}}', '{"constructor":{"prototype":1}}', '"x"', 'a=1&b=%ff'])
  const text = JSON.stringify(mutated(longestRight(schema ?? { type: 'object' }), chance, 0)) ?? 'null'
  if (often(0.9)) return text
  // Some bytes are not what they were.
  const bytes = Buffer.from(text.slice(0, 2000))
  for (let count = 0; count < 4; count += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
  return bytes
}

function mutated(value: unknown, chance: Chance, depth: number): unknown {
  const { pick, often } = chance
  if (often(depth === 0 ? 0.03 : 0.15)) return pick(STRANGE)
  if (Array.isArray(value)) return value.slice(0, pick([0, 1, 3, 60])).map((item) => mutated(item, chance, depth + 1))
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(() => !often(0.08))
    const more = often(0.1) ? [[pick(['x', '', 'constructor', 'toString']), pick(STRANGE)]] : []
    return Object.fromEntries([...entries.map(([name, item]) => [name, mutated(item, chance, depth + 1)]), ...more])
  }
  return typeof value === 'string' && value.length > 300 ? value.slice(0, 300) : value
}
