/** Turns every error into an RFC 9457 problem with a stable code, in the reader's language. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import {
  detailOf,
  type ErrorCode,
  type FieldError,
  type Language,
  REFUSALS,
  readerLanguage,
  ShopError,
} from '../errors.ts'
import { USERNAME } from '../text/login-name.ts'
import { VISIBLE_LINE } from '../text/visible-line.ts'
import { MONEY } from './shapes.ts'

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String({ description: "In the reader's language (Accept-Language: zh-CN, en)" }),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; for programs' }),
    detail: Type.String(),
    errors: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }))),
  },
  { $id: 'Problem' },
)

/** Answers the errors of every route as problems. */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | ShopError, request, reply) => {
    const known = madeUp(request, error) ?? recognise(error, requestLanguage(request), request.body)
    if (REFUSALS[known.code].status >= 500) request.log.error({ err: error, code: known.code }, 'request failed')
    return sendProblem(request, reply, known)
  })
}

/** The language that the reader asks for. */
export const requestLanguage = ({ headers }: FastifyRequest): Language => readerLanguage(headers['accept-language'])

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: ShopError): FastifyReply {
  const language = requestLanguage(request)
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds))
  return reply
    .code(REFUSALS[error.code].status)
    .header('content-language', language)
    .header('cache-control', 'no-store')
    .type('application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({
      ...problemOf(error.code, language, error.retryAfterSeconds),
      ...(error.errors.length > 0 ? { errors: error.errors } : {}),
    })
}

/** A problem in the reader's language, without field errors. */
export function problemOf(code: ErrorCode, language: Language, seconds?: number) {
  const { status, title } = REFUSALS[code]
  return {
    type: `urn:xuecheng:problem:${code}`,
    title: title[language],
    status,
    code,
    detail: detailOf(code, language, seconds),
  }
}

const TRANSPORT: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'MALFORMED_REQUEST',
  FST_ERR_CTP_INVALID_JSON_BODY: 'MALFORMED_REQUEST',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'MALFORMED_REQUEST',
}

/** Errors by which PostgreSQL or the connection to it says "not now": safe to retry later. */
const DATABASE_AWAY =
  /^(08\w{3}|57P0\d|57014|53\w{3}|55P03|25006|25P03|40001|40P01|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND)$/

/** Driver errors without a code. A rollback on a lost connection hides the error before it. */
const CONNECTION_LOST =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|is not queryable|Cannot use a pool after calling end/

/** A number or time in a path or cursor that no column can hold. In a write, the same error is a bug of ours. */
const madeUp = ({ method }: FastifyRequest, { code }: FastifyError | ShopError): ShopError | undefined =>
  (method === 'GET' || method === 'HEAD') && /^22(003|007|008|P02)$/.test(code)
    ? new ShopError('INVALID_INPUT')
    : undefined

function recognise(error: FastifyError | ShopError, language: Language, body: unknown): ShopError {
  if (error instanceof ShopError) return error
  if (error.validation) return new ShopError('INVALID_INPUT', { errors: fieldErrors(error, language, body) })
  // PostgreSQL stores no NUL, so the client sent invalid text.
  if (error.code === '22021' || error.code === '22P05') return new ShopError('INVALID_INPUT')
  const transport = TRANSPORT[error.code]
  if (transport) return new ShopError(transport)
  // The embedded server's socket is missing while it restarts.
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
    additionalProperties: '未知字段',
    type: '类型不正确',
  },
  en: {
    required: 'is required',
    pattern: 'has the wrong format',
    minLength: 'is too short',
    maxLength: 'is too long',
    minItems: 'has too few entries',
    maxItems: 'has too many entries',
    uniqueItems: 'has a duplicate entry',
    minimum: 'is too small',
    maximum: 'is too large',
    additionalProperties: 'is not a known field',
    type: 'has the wrong type',
  },
}

/** The messages for known patterns. */
const PATTERNS: Readonly<Record<string, Readonly<Record<Language, string>>>> = {
  [USERNAME]: { 'zh-CN': '请用 3–32 位字母、数字或 _ - .', en: 'must be 3–32 letters, digits or _ - .' },
  [MONEY]: { 'zh-CN': '请写成金额，例如 39.00', en: 'must be an amount such as 39.00' },
  [VISIBLE_LINE]: {
    'zh-CN': '须为一行可见文字，不能包含换行、控制字符或改变文字方向的符号',
    en: 'must be one line of visible characters, without line breaks, control characters or marks that change the text direction',
  },
}

/** For an empty field, "too short" or "has the wrong format" would be true but no help. */
const MISSING: Readonly<Record<Language, string>> = { 'zh-CN': '请填写', en: 'Please fill this in' }

function isEmpty(body: unknown, path: readonly string[]): boolean {
  const value = path.reduce<unknown>(
    (part, name) => (typeof part === 'object' && part !== null ? Reflect.get(part, name) : undefined),
    body,
  )
  return typeof value === 'string' && value.trim() === ''
}

const patternWords = ({ pattern }: Record<string, unknown>, language: Language): string | undefined =>
  typeof pattern === 'string' ? PATTERNS[pattern]?.[language] : undefined

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
          : (patternWords(issue.params, language) ??
            WORDS[language][issue.keyword] ??
            (language === 'en' ? 'is not valid' : '无效')),
    }))
  })
  return found.filter((entry, index) => found.findIndex((other) => other.field === entry.field) === index)
}
