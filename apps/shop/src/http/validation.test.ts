/** The cost of an invalid request, counted, and that valid and invalid are decided as in JSON Schema. */
import fc from 'fast-check'
import { type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { expect, test } from 'vitest'
import { boundedValidator, isLonger, MAX_ERRORS, type ValidationError } from './validation.ts'

const check = (schema: TSchema, value: unknown, httpPart = 'body') =>
  boundedValidator({ schema, httpPart, method: 'POST', url: '/' })(value) as
    | { value: unknown }
    | { error: ValidationError[] }

const errorsOf = (schema: TSchema, value: unknown, httpPart?: string): string[] => {
  const result = check(schema, value, httpPart)
  if (!('error' in result)) return []
  return result.error.map(({ keyword, instancePath, params }) =>
    [instancePath, keyword, ...Object.values(params).flat()].join(' ').trim(),
  )
}

const Ids = Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: 50, uniqueItems: true })

/** A list that counts how many of its entries are read. */
function counted(list: readonly unknown[]): { list: unknown[]; looks: () => number } {
  let looks = 0
  const proxy = new Proxy([...list], {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) looks += 1
      return Reflect.get(target, key, receiver)
    },
  })
  return { list: proxy, looks: () => looks }
}

test('of a list that is too long no entry is read, and its length is its only error', () => {
  const { list, looks } = counted(Array.from({ length: 32_000 }, () => 1))
  expect(errorsOf(Type.Object({ courseIds: Ids }), { courseIds: list })).toEqual(['/courseIds maxItems'])
  expect(looks()).toBe(0)
})

test('a request stops after a handful of errors', () => {
  const { list, looks } = counted(Array.from({ length: 5000 }, () => 'no number'))
  expect(errorsOf(Type.Array(Type.Integer(), { maxItems: 5000 }), list)).toHaveLength(MAX_ERRORS)
  expect(looks()).toBe(MAX_ERRORS)
  const strangers = Object.fromEntries(Array.from({ length: 9000 }, (_, index) => [`field${index}`, index]))
  expect(errorsOf(Type.Object({}, { additionalProperties: false }), strangers)).toHaveLength(MAX_ERRORS)
  const long = errorsOf(Type.Object({}, { additionalProperties: false }), { ['x'.repeat(10_000)]: 1 })
  expect(long[0]?.length).toBeLessThan(100)
})

test('a text that is too long is not matched: a pattern of exponential cost never starts', () => {
  const trap = Type.String({ maxLength: 10, pattern: '^(a+)+$' })
  expect(errorsOf(trap, `${'a'.repeat(60)}!`)).toEqual(['maxLength'])
})

test('duplicate entries of any type are found', () => {
  expect(errorsOf(Ids, [1, 2, 1])).toEqual(['uniqueItems'])
  expect(errorsOf(Ids, [1, 2, 3])).toEqual([])
  const Lines = Type.Array(Type.Object({ id: Type.Integer() }), { maxItems: 9, uniqueItems: true })
  expect(errorsOf(Lines, [{ id: 1 }, { id: 2 }, { id: 1 }])).toEqual(['uniqueItems'])
})

test('a record with too many names ends at once; deep nesting ends at the first invalid level', () => {
  const Values = Type.Record(Type.String(), Type.String({ maxLength: 5 }), { maxProperties: 3 })
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [index, 'too long a text']))
  expect(errorsOf(Values, many)).toEqual(['maxProperties'])
  const deep = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)
  expect(errorsOf(Type.Object({ courseIds: Ids }), { courseIds: deep })).toEqual(['/courseIds/0 type'])
})

test('inherited property names do not count as present', () => {
  const schema = Type.Object({ constructor: Type.Function([], Type.Any()) as TSchema })
  expect(() => check(schema, {})).toThrow('not checked')
  expect(errorsOf(Type.Object({ toString: Type.String() }), {})).toEqual(['required toString'])
})

test('a rule that is not checked fails the start', () => {
  expect(() => check(Type.Object({}, { minProperties: 1 }), {})).toThrow('minProperties')
  expect(() => check(Type.String({ format: 'email' }), 'x')).toThrow('email')
})

test('field errors keep the names that clients know', () => {
  const schema = Type.Object(
    {
      title: Type.String({ minLength: 3 }),
      lines: Type.Array(Type.Object({ id: Type.Integer({ minimum: 1 }) })),
      kind: Type.Optional(Type.Enum(['a', 'b'])),
    },
    { additionalProperties: false },
  )
  const wrong = { title: 'ab', lines: [{ id: 1 }, { id: 0 }, {}], kind: 'c', more: 1 }
  expect(errorsOf(schema, wrong)).toEqual([
    '/title minLength',
    '/lines/1/id minimum',
    '/lines/2 required id',
    '/kind enum',
    'additionalProperties more',
  ])
  const optional = Type.Optional(Type.Union([Type.Object({ payType: Type.Enum(['x']) }), Type.Null()]))
  expect(errorsOf(optional, { payType: 'y' })).toEqual(['/payType enum'])
  expect(errorsOf(optional, 'text')).toEqual(['type'])
})

test('a query keeps only the fields of its schema, converted to their types', () => {
  const Query = Type.Object({ limit: Type.Optional(Type.Integer({ maximum: 9 })), all: Type.Optional(Type.Boolean()) })
  expect(check(Query, { limit: '5', all: 'true', more: 'x' }, 'querystring')).toEqual({
    value: { limit: 5, all: true },
  })
  expect(errorsOf(Query, { limit: 'five' }, 'querystring')).toEqual(['/limit type'])
  expect(errorsOf(Query, { limit: ['1', '2'] }, 'querystring')).toEqual(['/limit type'])
  expect(errorsOf(Query, { limit: '9'.repeat(5000) }, 'querystring')).toEqual(['/limit type'])
})

test('length is counted in characters', () => {
  expect([isLonger('😀😀', 2), isLonger('😀😀', 1), isLonger('ab', 2), isLonger('', 0)]).toEqual([
    false,
    true,
    false,
    false,
  ])
})

const SCHEMAS: readonly TSchema[] = [
  Type.Object(
    { a: Type.Integer({ minimum: 0, maximum: 3 }), b: Type.Optional(Type.String({ minLength: 1, maxLength: 2 })) },
    { additionalProperties: false },
  ),
  Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1, maxItems: 3, uniqueItems: true }),
  Type.Union([Type.Null(), Type.String({ pattern: '^[a-c]+$' })]),
  Type.Record(Type.String(), Type.Boolean(), { maxProperties: 2 }),
  Type.Intersect([Type.Object({ a: Type.Integer() }), Type.Object({ b: Type.String() })]),
  Type.Optional(Type.Union([Type.Object({ a: Type.Enum(['x', 'y']) }), Type.Null()])),
]
const leaf = fc.oneof(
  ...[fc.integer({ min: -1, max: 4 }), fc.constantFrom('', 'a', 'ab', 'abc', 'x', 'z', '😀'), fc.boolean()],
  // Beyond that a number is no longer the written one: our validator refuses it, TypeBox does not.
  ...[fc.constant(null), fc.double({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })],
)
const key = fc.constantFrom('a', 'b', 'c')
const some = fc.oneof(leaf, fc.array(leaf, { maxLength: 4 }), fc.dictionary(key, fc.oneof(leaf, fc.array(leaf))))

test('an inexact integer is refused', () => {
  expect(errorsOf(Type.Integer(), 2 ** 53)).toEqual(['type'])
  expect(errorsOf(Type.Integer(), 2 ** 53 - 1)).toEqual([])
})

test('accepts and refuses the same values as TypeBox', () => {
  fc.assert(
    fc.property(fc.constantFrom(...SCHEMAS), some, (schema, value) => {
      expect(errorsOf(schema, value).length === 0).toBe(Compile(schema).Check(value))
    }),
    { numRuns: 1000 },
  )
})
