/** Errors on their way out: every one becomes an RFC 9457 problem with a stable code, in the reader's language. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type ErrorCode, type FieldError, type Language, REFUSALS, readerLanguage, ShopError } from '../errors.ts'

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String({ description: "In the reader's language (Accept-Language: zh-CN, en)" }),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; what a program should look at' }),
    detail: Type.String(),
    errors: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }))),
  },
  { $id: 'Problem' },
)

/** Lets every route of the application answer errors as problems. */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | ShopError, request, reply) => {
    const known =
      madeUp(request, error) ?? recognise(error, readerLanguage(request.headers['accept-language']), request.body)
    if (REFUSALS[known.code].status >= 500) request.log.error({ err: error, code: known.code }, 'request failed')
    return sendProblem(request, reply, known)
  })
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: ShopError): FastifyReply {
  const language = readerLanguage(request.headers['accept-language'])
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds))
  return reply
    .code(REFUSALS[error.code].status)
    .header('content-language', language)
    .header('cache-control', 'no-store')
    .type('application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ ...problemOf(error.code, language), ...(error.errors.length > 0 ? { errors: error.errors } : {}) })
}

/** A problem in a reader's words, without what is wrong with single fields. */
export function problemOf(code: ErrorCode, language: Language) {
  const { status, title, detail } = REFUSALS[code]
  return { type: `urn:xuecheng:problem:${code}`, title: title[language], status, code, detail: detail[language] }
}

const TRANSPORT: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'MALFORMED_REQUEST',
  FST_ERR_CTP_INVALID_JSON_BODY: 'MALFORMED_REQUEST',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'MALFORMED_REQUEST',
}

/** Errors by which PostgreSQL or the way to it says "not now": safe to repeat later. */
const DATABASE_AWAY =
  /^(08\w{3}|57P0\d|57014|53\w{3}|55P03|25006|25P03|40001|40P01|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND)$/

/** What the driver says without a code. A rollback on a connection that is gone hides what came before it. */
const CONNECTION_LOST =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|is not queryable|Cannot use a pool after calling end/

/** A number or a time in an address or a cursor that no column can hold. Where something is written it would be a fault of ours. */
const madeUp = ({ method }: FastifyRequest, { code }: FastifyError | ShopError): ShopError | undefined =>
  (method === 'GET' || method === 'HEAD') && /^22(003|007|008|P02)$/.test(code)
    ? new ShopError('INVALID_INPUT')
    : undefined

function recognise(error: FastifyError | ShopError, language: Language, body: unknown): ShopError {
  if (error instanceof ShopError) return error
  if (error.validation) return new ShopError('INVALID_INPUT', { errors: fieldErrors(error, language, body) })
  // PostgreSQL keeps no NUL; whoever sent one sent something that is no text.
  if (error.code === '22021' || error.code === '22P05') return new ShopError('INVALID_INPUT')
  const transport = TRANSPORT[error.code]
  if (transport) return new ShopError(transport)
  // The embedded server's socket is gone while it starts again.
  const noSocket = error.code === 'ENOENT' && 'syscall' in error && error.syscall === 'connect'
  if (noSocket || DATABASE_AWAY.test(error.code ?? '') || CONNECTION_LOST.test(error.message)) {
    return new ShopError('UNAVAILABLE', { retryAfterSeconds: 2, cause: error })
  }
  if (error.statusCode && error.statusCode >= 400 && error.statusCode < 500) return new ShopError('MALFORMED_REQUEST')
  return new ShopError('INTERNAL', { cause: error })
}

const WORDS: Readonly<Record<Language, Readonly<Record<string, string>>>> = {
  'zh-CN': {
    required: '必填',
    pattern: '格式不正确',
    minLength: '太短',
    maxLength: '太长',
    minItems: '太少',
    maxItems: '太多',
    uniqueItems: '不能重复',
    minimum: '太小',
    maximum: '太大',
    additionalProperties: '不认识的字段',
    type: '类型不正确',
  },
  en: {
    required: 'is required',
    pattern: 'has the wrong form',
    minLength: 'is too short',
    maxLength: 'is too long',
    minItems: 'has too few entries',
    maxItems: 'has too many entries',
    uniqueItems: 'has an entry twice',
    minimum: 'is too small',
    maximum: 'is too large',
    additionalProperties: 'is not a known field',
    type: 'has the wrong type',
  },
}

/** Of a field that was left empty: too short or misshapen is true, and of no help. */
const MISSING: Readonly<Record<Language, string>> = { 'zh-CN': '请填写', en: 'is missing' }

function isEmpty(body: unknown, path: readonly string[]): boolean {
  const value = path.reduce<unknown>(
    (part, name) => (typeof part === 'object' && part !== null ? Reflect.get(part, name) : undefined),
    body,
  )
  return typeof value === 'string' && value.trim() === ''
}

function fieldErrors(error: FastifyError, language: Language, body: unknown): FieldError[] {
  const found = (error.validation ?? []).slice(0, 20).flatMap((issue) => {
    const path = issue.instancePath.split('/').filter(Boolean)
    const { requiredProperties, additionalProperties } = issue.params as Record<string, string[] | undefined>
    const names = requiredProperties ?? additionalProperties ?? [undefined]
    return names.map((name) => ({
      field: [...path, ...(name === undefined ? [] : [name])].join('.') || (error.validationContext ?? 'body'),
      message:
        error.validationContext === 'body' && isEmpty(body, path)
          ? MISSING[language]
          : (WORDS[language][issue.keyword] ?? (language === 'en' ? 'is not valid' : '无效')),
    }))
  })
  return found.filter((entry, index) => found.findIndex((other) => other.field === entry.field) === index)
}
