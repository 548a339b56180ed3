/** Checks of request fields that hold at any gateway, made before anything is signed or sent. */
import { FieldError } from './errors.ts'

/** Empty counts as absent. @throws FieldError where it has more characters */
export function checkedLength(field: string, text: string | undefined, most: number): string | undefined {
  if (text !== undefined && text.length > most)
    throw new FieldError(field, `must not be longer than ${most} characters`)
  return text === '' ? undefined : text
}

/** The address that requests go to; a query of its own would mix with what is signed. @throws FieldError */
export function checkedBase(field: string, address: string): string {
  if (isHttpAddress(address) && !/[\s?#]/.test(address)) return address
  throw new FieldError(field, 'must be an http(s) address without ? or #')
}

export const isHttpAddress = (text: string): boolean =>
  URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)
