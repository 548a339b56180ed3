/** Checks of request fields common to all gateways, made before anything is signed or sent. */
import { FieldError } from './errors.ts'

/** Empty counts as absent. @throws FieldError when the text is too long */
export function checkedLength(field: string, text: string | undefined, max: number): string | undefined {
  if (text !== undefined && text.length > max) throw new FieldError(field, `must not be longer than ${max} characters`)
  return text === '' ? undefined : text
}

/** The address that requests go to, without a query, which would mix with the signed parameters. @throws FieldError */
export function checkedBase(field: string, address: string): string {
  if (isHttpAddress(address) && !/[\s?#]/.test(address)) return address
  throw new FieldError(field, 'must be an http(s) address without ? or #')
}

export const isHttpAddress = (text: string): boolean =>
  URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)
