/**
 * Shared by the adapters of all gateways: checks for our own identifiers, and handling of fields that a client rejects.
 */
import { FieldError } from '@xuecheng/client-kit'
import type { Logger } from 'pino'
import { ShopError } from '../../errors.ts'
import type { Check } from '../contract.ts'

/**
 * A field error means that nothing was sent: the log names the field, and the caller gets an error saying that the
 * payment cannot be made like this.
 */
export async function fieldsChecked<Answer>(log: Logger, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof FieldError)) throw error
    log.error({ field: error.field, reason: error.message }, 'a payment client rejected a field')
    throw new ShopError('PAYMENT_DETAILS', { cause: error })
  }
}

/** A check that a value in a notification is ours; if it is not, staff see both values. */
export function ours(check: string, detail: string, expected: string): Check {
  return detail === expected ? { check, passed: true, detail } : { check, passed: false, detail, expected }
}
