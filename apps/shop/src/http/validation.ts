/**
 * Checks requests against their TypeBox schemas at a bounded cost: a field stops at its first error, a request after
 * `MAX_ERRORS`, and a value's length is checked before its content.
 * (TypeBox's own compiler collects every error, and copies the list for each duplicate in an array.)
 */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'

/** More errors do not help the reader, and cost time. */
export const MAX_ERRORS = 10
/** The sender chooses the names of unknown fields, so they are shortened before they are shown. */
const MAX_NAME = 64

/** The part of JSON Schema that routes use. */
export interface Rules {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Rules[]
  readonly allOf?: readonly Rules[]
  readonly properties?: Readonly<Record<string, Rules>>
  readonly patternProperties?: Readonly<Record<string, Rules>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly maxProperties?: number
  readonly items?: Rules
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
}

const CHECKED = new Set(
  (
    'type enum const anyOf allOf properties patternProperties required additionalProperties maxProperties items ' +
    'minItems maxItems uniqueItems minLength maxLength pattern format minimum maximum'
  ).split(' '),
)
/** Keywords that describe a value and do not constrain it. */
const ANNOTATIONS = new Set(['title', 'description', 'examples', 'default', '$id', '$schema', 'deprecated'])

const FORMATS: Readonly<Record<string, RegExp>> = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
}

export interface ValidationError {
  readonly keyword: string
  readonly instancePath: string
  readonly schemaPath: string
  readonly params: Record<string, unknown>
  readonly message: string
}

class Errors {
  readonly list: ValidationError[] = []

  get full(): boolean {
    return this.list.length >= MAX_ERRORS
  }

  add(keyword: string, instancePath: string, params: Record<string, unknown> = {}): void {
    this.list.push({ keyword, instancePath, schemaPath: '', params, message: `breaks ${keyword}` })
  }
}

/** Checks a value and adds its errors. */
type Check = (value: unknown, path: string, errors: Errors) => void

/**
 * Fastify's validator compiler. Queries and parameters arrive as strings: numbers and booleans are converted, and names
 * that the schema does not know are dropped.
 * @throws Error for a schema with a rule that is not checked here
 */
export const boundedValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const rules = schema as Rules
  const check = compile(rules)
  const isText = httpPart === 'querystring' || httpPart === 'params'
  return (given: unknown) => {
    const value = isText ? fromText(rules, given) : given
    const errors = new Errors()
    check(value, '', errors)
    return errors.list.length > 0 ? { error: errors.list } : { value }
  }
}

/** @throws Error for a rule that is not checked here */
function compile(rules: Rules): Check {
  const unknown = Object.keys(rules).find((keyword) => !CHECKED.has(keyword) && !ANNOTATIONS.has(keyword))
  if (unknown) throw new Error(`A schema of a request has the rule "${unknown}", which is not checked`)
  if (rules.anyOf) return anyOf(rules.anyOf)
  if (rules.allOf) return allOf(rules.allOf)
  if (rules.enum) return oneOf('enum', new Set(rules.enum))
  if ('const' in rules) return oneOf('const', new Set([rules.const]))
  if (rules.type === undefined) return () => {}
  const make = BY_TYPE[rules.type]
  if (!make) throw new Error(`A schema of a request has the type "${rules.type}", which is not checked`)
  return make(rules)
}

const BY_TYPE: Readonly<Record<string, (rules: Rules) => Check>> = {
  object: objectCheck,
  array: arrayCheck,
  string: stringCheck,
  integer: (rules) => numberCheck(rules, Number.isSafeInteger),
  number: (rules) => numberCheck(rules, Number.isFinite),
  boolean: () => typeCheck((value) => typeof value === 'boolean'),
  null: () => typeCheck((value) => value === null),
}

const typeCheck =
  (fits: (value: unknown) => boolean): Check =>
  (value, path, errors) => {
    if (!fits(value)) errors.add('type', path)
  }

const oneOf =
  (keyword: string, allowed: ReadonlySet<unknown>): Check =>
  (value, path, errors) => {
    if (!allowed.has(value)) errors.add(keyword, path)
  }

function allOf(parts: readonly Rules[]): Check {
  const checks = parts.map(compile)
  return (value, path, errors) => {
    for (const check of checks) if (!errors.full) check(value, path, errors)
  }
}

/** When only one alternative has the value's type, report that alternative's errors. */
function anyOf(parts: readonly Rules[]): Check {
  const alternatives = parts.map((rules) => ({ type: rules.type, check: compile(rules) }))
  return (value, path, errors) => {
    const alike = alternatives.filter(({ type }) => type === undefined || type === typeOf(value))
    const [only] = alike
    if (only && alike.length === 1) return only.check(value, path, errors)
    const fits = alike.some(({ check }) => {
      const own = new Errors()
      check(value, path, own)
      return own.list.length === 0
    })
    if (!fits) errors.add(alike.length === 0 ? 'type' : 'anyOf', path)
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function objectCheck(rules: Rules): Check {
  const known = new Map(Object.entries(rules.properties ?? {}).map(([name, property]) => [name, compile(property)]))
  const patterns = Object.entries(rules.patternProperties ?? {}).map(([pattern, property]) => ({
    pattern: new RegExp(pattern, 'u'),
    check: compile(property),
  }))
  const { required = [], maxProperties = Number.POSITIVE_INFINITY } = rules
  const isClosed = rules.additionalProperties === false
  return (value, path, errors) => {
    if (!isObject(value)) return errors.add('type', path)
    if (maxProperties !== Number.POSITIVE_INFINITY && Object.keys(value).length > maxProperties) {
      return errors.add('maxProperties', path)
    }
    for (const name of required) {
      if (errors.full) return
      if (!Object.hasOwn(value, name)) errors.add('required', path, { requiredProperties: [name] })
    }
    for (const [name, check] of known) {
      if (errors.full) return
      const own = Object.hasOwn(value, name) ? value[name] : undefined
      if (own !== undefined) check(own, `${path}/${name}`, errors)
    }
    if (!isClosed && patterns.length === 0) return
    for (const name in value) {
      if (errors.full) return
      if (known.has(name)) continue
      const pattern = patterns.find((each) => each.pattern.test(name))
      const shown = name.slice(0, MAX_NAME)
      if (pattern) pattern.check(value[name], `${path}/${shown.replaceAll('/', '~1')}`, errors)
      else if (isClosed) errors.add('additionalProperties', path, { additionalProperties: [shown] })
    }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function arrayCheck(rules: Rules): Check {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, uniqueItems } = rules
  const check = rules.items && compile(rules.items)
  return (value, path, errors) => {
    if (!Array.isArray(value)) return errors.add('type', path)
    if (value.length < minItems) return errors.add('minItems', path)
    if (value.length > maxItems) return errors.add('maxItems', path)
    const before = errors.list.length
    for (let index = 0; check && index < value.length; index += 1) {
      if (errors.full) return
      check(value[index], `${path}/${index}`, errors)
    }
    // Compare only items that are valid by themselves; compare objects by their JSON.
    if (!uniqueItems || errors.list.length > before) return
    const seen = new Set(value.map((item: unknown) => (isObject(item) ? JSON.stringify(item) : item)))
    if (seen.size < value.length) errors.add('uniqueItems', path)
  }
}

function stringCheck(rules: Rules): Check {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = rules
  const pattern = rules.pattern === undefined ? undefined : new RegExp(rules.pattern, 'u')
  const format = rules.format === undefined ? undefined : FORMATS[rules.format]
  if (rules.format !== undefined && !format) throw new Error(`The format "${rules.format}" is not checked`)
  return (value, path, errors) => {
    if (typeof value !== 'string') return errors.add('type', path)
    if (isLonger(value, maxLength)) return errors.add('maxLength', path)
    if (minLength > 0 && !isLonger(value, minLength - 1)) return errors.add('minLength', path)
    if (pattern && !pattern.test(value)) return errors.add('pattern', path, { pattern: rules.pattern })
    if (format && !format.test(value)) errors.add('format', path)
  }
}

/** Whether a text has more than `most` characters (code points); stops counting one past that. */
export function isLonger(text: string, most: number): boolean {
  if (text.length <= most) return false
  if (text.length > 2 * most) return true
  let count = 0
  for (const _ of text) {
    count += 1
    if (count > most) return true
  }
  return false
}

function numberCheck(rules: Rules, fits: (value: unknown) => boolean): Check {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = rules
  return (value, path, errors) => {
    if (!fits(value)) return errors.add('type', path)
    const number = Number(value)
    if (number < minimum) errors.add('minimum', path)
    else if (number > maximum) errors.add('maximum', path)
  }
}

/** Keeps the properties that the schema knows and converts numbers and booleans. */
function fromText(rules: Rules, given: unknown): unknown {
  if (!isObject(given)) return given
  const value: Record<string, unknown> = {}
  for (const part of rules.allOf ?? [rules]) {
    for (const [name, { type }] of Object.entries(part.properties ?? {})) {
      if (Object.hasOwn(given, name)) value[name] = typed(type, given[name])
    }
  }
  return value
}

function typed(type: string | undefined, text: unknown): unknown {
  if (typeof text !== 'string') return text
  if (type === 'integer' && /^-?\d{1,16}$/.test(text)) return Number(text)
  if (type === 'number' && /^-?\d{1,16}(\.\d{1,16})?$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false|1|0)$/.test(text)) return text === 'true' || text === '1'
  return text
}
