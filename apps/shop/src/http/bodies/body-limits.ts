/**
 * How many bytes a request's body may have. Each route has its own limit, computed from its schema: room for the
 * longest valid body in its most wasteful encoding. A route without a body schema sets `bodyLimit` itself. The API
 * description shows each limit (`x-max-body-bytes`).
 */
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { Rules } from '../validation.ts'

/** Where no body is expected: clients send `{}` or nothing. */
const NO_BODY = 512
/** Room for white space and for unknown fields, so that those are refused by name and not by size. */
const SLACK = 1024

/**
 * Gives every route that is added later its limit.
 * @throws Error when a route's schema has an unbounded text or list and the route sets no limit
 */
export function limitBodies(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (!takesBody(route)) return
    route.bodyLimit ??= limitOf(route)
    const { schema } = route
    route.schema = { ...schema, ...{ 'x-max-body-bytes': route.bodyLimit } }
  })
}

export const takesBody = ({ method }: Pick<RouteOptions, 'method'>): boolean =>
  [method].flat().some((each) => !['GET', 'HEAD', 'OPTIONS'].includes(each))

function limitOf({ schema, url }: RouteOptions): number {
  const body = schema?.body as Rules | undefined
  if (!body) return NO_BODY
  const longest = longestJson(body)
  if (longest === undefined) throw new Error(`${url}: its body is unbounded; its route must name a bodyLimit`)
  return SLACK + Math.ceil(longest)
}

/** A character may be written as `\uXXXX`. */
const BYTES_A_CHARACTER = 6
const BYTES_A_NUMBER = 24
/** Separators, quotes, and the indentation of a sender that formats its JSON. */
const BYTES_AROUND = 16

/** The size in bytes of the longest value that a schema accepts; undefined if it is unbounded. */
function longestJson(rules: Rules): number | undefined {
  const { type, items, maxItems, maxLength, properties } = rules
  if (rules.enum) return BYTES_AROUND + Math.max(...rules.enum.map(written))
  if ('const' in rules) return BYTES_AROUND + written(rules.const)
  if (rules.anyOf) return largest(rules.anyOf.map(longestJson))
  if (rules.allOf) return sum(rules.allOf.map(longestJson))
  if (type === 'string') return maxLength === undefined ? undefined : BYTES_AROUND + maxLength * BYTES_A_CHARACTER
  if (type === 'array') return times(items && longestJson(items), maxItems)
  if (type === 'object') {
    if (!properties) return undefined
    const members = Object.entries(properties).map(([name, property]) =>
      sum([2 * BYTES_AROUND + name.length, longestJson(property)]),
    )
    return sum([BYTES_AROUND, ...members])
  }
  return type === undefined ? undefined : BYTES_A_NUMBER + BYTES_AROUND
}

const written = (value: unknown): number => JSON.stringify(value).length * BYTES_A_CHARACTER

const times = (length: number | undefined, most: number | undefined): number | undefined =>
  length === undefined || most === undefined ? undefined : BYTES_AROUND + length * most

const sum = (lengths: readonly (number | undefined)[]): number | undefined =>
  lengths.reduce((total, length) => (total === undefined || length === undefined ? undefined : total + length), 0)

const largest = (lengths: readonly (number | undefined)[]): number | undefined =>
  lengths.reduce((most, length) => (most === undefined || length === undefined ? undefined : Math.max(most, length)))
