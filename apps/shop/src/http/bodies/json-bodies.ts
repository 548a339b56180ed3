/**
 * JSON bodies: refuses nesting and member counts that no route accepts before parsing. V8 needs half a second for half
 * a megabyte of brackets and a tenth of a second for half a megabyte of names, but only milliseconds for as much text.
 */
import type { FastifyInstance } from 'fastify'
import { ShopError } from '../../errors.ts'

/** Deeper than any request schema. */
const MAX_DEPTH = 32
/** More members, over all objects of a body, than any request schema accepts. */
const MAX_MEMBERS = 5000

export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (isTooMuch(text)) return done(new ShopError('MALFORMED_REQUEST'), undefined)
    return parse(request, text, done)
  })
}

const [QUOTE, BACKSLASH, COLON, ...BRACKETS] = [...'"\\:[{]}'].map((sign) => sign.charCodeAt(0))
const [LIST, OBJECT, LIST_END, OBJECT_END] = BRACKETS

/** Counts open brackets and members outside of strings, up to the limits. Invalid JSON is left to the parser. */
export function isTooMuch(text: string): boolean {
  let depth = 0
  let members = 0
  for (let at = 0; at < text.length; at += 1) {
    const sign = text.charCodeAt(at)
    if (sign === QUOTE) at = endOfString(text, at)
    else if (sign === COLON) members += 1
    else if (sign === LIST || sign === OBJECT) depth += 1
    else if (sign === LIST_END || sign === OBJECT_END) depth -= 1
    if (depth > MAX_DEPTH || members > MAX_MEMBERS) return true
  }
  return false
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const sign = text.charCodeAt(at)
    if (sign === QUOTE) return at
    if (sign === BACKSLASH) at += 1
  }
  return text.length
}
