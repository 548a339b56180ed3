/**
 * Refuses text that cannot be stored or sent on, before any handler sees it: unpaired surrogates (valid in JSON) and
 * NUL.
 */
import type { FastifyInstance } from 'fastify'
import { readerLanguage, ShopError } from '../../errors.ts'
import { isText } from '../../text/cut-text.ts'

const MESSAGE = {
  'zh-CN': '含有不完整或不可见的字符，请删除后重新输入',
  en: 'has a broken or invisible character; delete it and type it again',
}

/** Checks every part of every request, on all routes. */
export function refuseBrokenText(app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    const field =
      fieldOfBrokenText(request.params) ?? fieldOfBrokenText(request.query) ?? fieldOfBrokenText(request.body)
    if (field === undefined) return done()
    const message = MESSAGE[readerLanguage(request.headers['accept-language'])]
    done(new ShopError('INVALID_INPUT', { errors: [{ field, message }] }))
  })
}

interface Place {
  readonly value: unknown
  readonly name: string
  readonly above: Place | undefined
}

/** The field with broken text, or the object with a broken name. Follows any depth without recursion. */
export function fieldOfBrokenText(value: unknown): string | undefined {
  const places: Place[] = [{ value, name: '', above: undefined }]
  for (let place = places.pop(); place; place = places.pop()) {
    if (typeof place.value === 'string') {
      if (!isText(place.value)) return fieldAt(place)
    } else if (isPlain(place.value)) {
      for (const name of Object.keys(place.value)) {
        if (!isText(name)) return fieldAt(place)
        places.push({ value: Reflect.get(place.value, name), name, above: place })
      }
    }
  }
  return undefined
}

/** A value that a parser makes; not bytes or a stream. */
const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !(Symbol.asyncIterator in value)

/** The maximum depth of a field's path in the message. */
const MAX_PATH_DEPTH = 8

function fieldAt(place: Place): string {
  const names: string[] = []
  for (let at: Place | undefined = place; at?.above; at = at.above) names.push(at.name)
  return names.reverse().slice(0, MAX_PATH_DEPTH).join('.') || 'body'
}
