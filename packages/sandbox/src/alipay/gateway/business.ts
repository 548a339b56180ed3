/**
 * Reads biz_content: JSON of strings as every SDK sends it; numbers are accepted as their text (Python sends `0.01`).
 */
import { businessError, type GatewayError, gatewayError } from './errors.ts'

export interface Business {
  /** A text field; empty if absent. Numbers become their decimal text. */
  text(name: string): string
  /** A list of texts, e.g. `query_options`; empty if absent. */
  list(name: string): readonly string[]
  /** A raw field; undefined if absent. */
  value(name: string): unknown
  names(): readonly string[]
}

/** The longest accepted biz_content; Alipay's own limit is not documented. */
const LONGEST = 1024 * 1024

export function readBusiness(text: string): Business | GatewayError {
  if (text.length > LONGEST) return gatewayError('isv.invalid-parameter', '参数biz_content超过长度限制')
  const value = text === '' ? {} : parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return gatewayError('isv.illegal-json')
  const fields = new Map<string, unknown>(Object.entries(value))
  return {
    text(name) {
      const field = fields.get(name)
      if (typeof field === 'string') return field
      return typeof field === 'number' || typeof field === 'boolean' ? String(field) : ''
    },
    list(name) {
      const field = fields.get(name)
      return Array.isArray(field) ? field.filter((item) => typeof item === 'string') : []
    },
    value: (name) => fields.get(name),
    names: () => [...fields.keys()],
  }
}

/** The refusal of a wrong field. */
export function invalidField(name: string, why = '参数无效'): GatewayError {
  return businessError('ACQ.INVALID_PARAMETER', {}, `参数有误${why}：${name}`)
}

export function isError<T extends object>(value: T | GatewayError): value is GatewayError {
  return 'subCode' in value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
