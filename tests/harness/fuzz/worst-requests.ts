/** The requests that cost a server most, made from its OpenAPI document: the longest, the deepest, the most of each thing. */

export interface Schema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly maxItems?: number
  readonly maxLength?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly format?: string
  readonly examples?: readonly unknown[]
}

export interface Operation {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, Schema>>
  readonly body: Schema | undefined
  readonly most: number
}

interface Described {
  readonly parameters?: readonly { in: string; name: string; schema: Schema }[]
  readonly requestBody?: { content: Readonly<Record<string, { schema: Schema }>> }
  readonly 'x-max-body-bytes'?: number
}
export type Paths = Readonly<Record<string, Readonly<Record<string, Described>>>>

/** What is sent; no client would. */
export interface WorstRequest {
  readonly operation: string
  readonly kind: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** Every operation of a description, and what it does not show: the gateways' addresses, files, pages. */
export function operationsOf(paths: Paths, ids: Readonly<Record<string, string>>): Operation[] {
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, operation]): Operation => {
      const method = verb.toUpperCase()
      const query = (operation.parameters ?? []).filter((each) => each.in === 'query')
      return {
        name: `${method} ${path}`,
        method,
        // A changing request finds nothing to change, for any role.
        path: path.replace(/\{(\w+)\}/g, (_, id: string) =>
          method === 'GET' ? (ids[id] ?? '1') : (GONE[id] ?? '2147483647'),
        ),
        query: Object.fromEntries(query.map(({ name, schema }) => [name, schema])),
        body: operation.requestBody?.content['application/json']?.schema,
        most: operation['x-max-body-bytes'] ?? 0,
      }
    }),
  )
  const hidden = (name: string, most = 0): Operation => {
    const [method = '', path = ''] = name.split(' ')
    return { name, method, path, query: {}, body: undefined, most }
  }
  return [
    ...described,
    hidden('POST /api/payments/alipay/notify', 256 * 1024),
    hidden('POST /api/payments/wechat/notify', 256 * 1024),
    ...['GET /', 'GET /api/openapi.json', 'GET /covers/1.svg', 'GET /uploads/none.png', 'POST /nowhere'].map((name) =>
      hidden(name),
    ),
    hidden('GET /api/courses/1/lessons/1/video'),
  ]
}

const GONE: Readonly<Record<string, string>> = {
  provider: 'alipay',
  orderNo: 'none',
  requestNo: 'none',
  number: 'none',
  slug: 'none',
}

const HEADER_BYTES = 12_000

/** The worst of each kind for one operation. */
export function worstOf(operation: Operation): WorstRequest[] {
  const { name, method, path, query, body, most } = operation
  const make = (kind: string, more: Partial<WorstRequest> = {}): WorstRequest => ({
    ...{ operation: name, kind, method, path, headers: {}, body: undefined },
    ...more,
  })
  const json = (kind: string, text: string) =>
    make(kind, { headers: { 'content-type': 'application/json' }, body: text })
  const fill = (unit: string, head = '', tail = '') =>
    head +
    unit
      .repeat(Math.max(0, Math.floor((most - head.length - tail.length) / Buffer.byteLength(unit))))
      .replace(/,$/, '') +
    tail
  const requests = [
    make('nothing'),
    make('most cookies', { headers: { cookie: pieces('c=1; ', HEADER_BYTES) } }),
    make('most languages', { headers: { 'accept-language': pieces('en;q=0.1,', HEADER_BYTES) } }),
    make('most addresses', { headers: { 'x-forwarded-for': pieces('1.1.1.1,', HEADER_BYTES) } }),
    make('longest token', {
      headers: { authorization: `Bearer ${'a'.repeat(4000)}.${'b'.repeat(4000)}.${'c'.repeat(4000)}` },
    }),
    make('forged token', { headers: { authorization: `Bearer ${FORGED}` } }),
    make('most query parameters', { path: `${path}?${pieces('a=1&', HEADER_BYTES)}` }),
    make('longest query', { path: `${path}?q=${'%E5'.repeat(HEADER_BYTES / 3)}` }),
  ]
  if (Object.keys(query).length > 0)
    requests.push(
      ...queriesOf(query).map((text) => {
        const whole = 'limit' in query && !/(^|&)limit=/.test(text) ? `${text}&limit=100` : text
        return make('longest right query', { path: `${path}?${whole}` })
      }),
    )
  if (most > 0) {
    requests.push(
      json('deepest arrays', fill('[')),
      json('deepest objects', fill('{"a":')),
      json('most keys', `{${keys(most - 20)}}`),
      json('longest string', fill('x', '"', '"')),
      json('most escapes', fill('\\u0000', '"', '"')),
      json('no JSON', fill('x')),
      make('most form parameters', { headers: { 'content-type': FORM }, body: fill('a=1&') }),
      make('one form parameter', { headers: { 'content-type': FORM }, body: fill('%41', 'sign=') }),
      make('most parts', {
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
        body: fill('--x\r\n\r\n\r\n'),
      }),
    )
  }
  if (body) {
    const right = longestRight(body)
    requests.push(json('longest right body', JSON.stringify(right)))
    for (const [field, schema] of Object.entries(body.properties ?? {})) {
      const head = JSON.stringify({ ...(typeof right === 'object' ? right : {}), [field]: 0 }).slice(0, -1)
      if (schema.type === 'array') {
        requests.push(json(`longest ${field}`, fill('1,', `${head},"${field}":[`, ']}')))
        requests.push(json(`longest ${field} of objects`, fill('{},', `${head},"${field}":[`, ']}')))
      }
      if (schema.type === 'string') requests.push(json(`longest ${field}`, fill('a', `${head},"${field}":"`, '"}')))
    }
  }
  return requests
}

const FORM = 'application/x-www-form-urlencoded'
/** Of the right form, with a signature that is not ours. */
const FORGED = [{ alg: 'HS256' }, { sid: 'x', sub: '1', exp: 9_999_999_999 }]
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .concat('A'.repeat(43))
  .join('.')

const pieces = (unit: string, bytes: number): string =>
  unit.repeat(Math.floor(bytes / unit.length)).replace(/[;,& ]+$/, '')

function keys(bytes: number): string {
  const all: string[] = []
  for (let length = 0, index = 0; length < bytes - 16; index += 1) {
    const text = `"k${index}":1`
    all.push(text)
    length += text.length + 1
  }
  return all.join(',')
}

/** Every parameter at its longest, and each choice of those that have some. */
function queriesOf(query: Readonly<Record<string, Schema>>): string[] {
  const write = (values: Readonly<Record<string, unknown>>) =>
    new URLSearchParams(
      Object.entries(values).map(([name, value]): [string, string] => [name, String(value)]),
    ).toString()
  const longest = Object.fromEntries(Object.entries(query).map(([name, schema]) => [name, longestRight(schema)]))
  const cursors = [[0, 0], ['9', 1], [9_007_199_254_740_991], ['2026-11-23T00:00:00Z', 1], ['a', 'b', 1]].map(
    (values) => Buffer.from(JSON.stringify(values)).toString('base64url'),
  )
  const searches = ['a', '1', '39.00', '%', '_'.repeat(100), '学'.repeat(100), 'c o u r s e 1 zz']
  return [
    write(longest),
    ...('cursor' in query ? cursors.map((cursor) => write({ cursor })) : []),
    ...('q' in query ? searches.map((q) => write({ q })) : []),
    ...Object.entries(query).flatMap(([name, { enum: choices = [] }]) =>
      choices.map((choice) => write({ [name]: choice })),
    ),
  ]
}

const PATTERNED = [
  '39.00',
  '2026-11-23',
  '123456',
  `${'a'.repeat(64)}.png`,
  'a'.repeat(32),
  'a.mp4',
  'aaaa',
  'a@b',
  '1',
]

/** A value that a schema takes, as long as it may be. */
export function longestRight(schema: Schema, index = 0): unknown {
  if (schema.enum) return schema.enum[0]
  if ('const' in schema) return schema.const
  if (schema.anyOf) return longestRight(schema.anyOf.find(({ type }) => type !== 'null') ?? {}, index)
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => longestRight(part, index)))
  if (schema.type === 'object') {
    return Object.fromEntries(
      Object.entries(schema.properties ?? {}).map(([name, part]) => [name, longestRight(part, index)]),
    )
  }
  if (schema.type === 'array') {
    return Array.from({ length: Math.min(schema.maxItems ?? 10, 1000) }, (_, place) =>
      longestRight(schema.items ?? {}, place),
    )
  }
  if (schema.type === 'integer' || schema.type === 'number')
    return Math.min(schema.maximum ?? 1_000_000, 2_147_483_647) - index
  if (schema.type === 'boolean') return true
  if (schema.format === 'uuid') return '00000000-0000-4000-8000-000000000000'
  if (schema.type !== 'string') return null
  if (schema.pattern === undefined) return '学'.repeat(Math.min(schema.maxLength ?? 100, 20_000))
  const pattern = new RegExp(schema.pattern, 'u')
  return (
    ['学'.repeat(Math.min(schema.maxLength ?? 0, 2000)), ...PATTERNED].find((text) => text && pattern.test(text)) ?? 'x'
  )
}
