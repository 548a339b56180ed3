/** Notifications with wrong content, as if sent by mistake or by an attacker. */

import type { Fields } from '../charset.ts'
import { parseYuan, toFen, yuan } from '../money.ts'
import type { FaultKind } from './fault.ts'

export const TAMPERS = [
  'corrupt-sign',
  'wrong-amount',
  'wrong-app-id',
  'wrong-seller-id',
] as const satisfies readonly FaultKind[]
export type Tamper = (typeof TAMPERS)[number]

/** The fields to sign instead of the right ones. The signature is valid: only the content is wrong. */
export function tamperFields(fields: Fields, tamper: Tamper | undefined): Fields {
  if (tamper === 'wrong-app-id') return replace(fields, { app_id: otherNumber, auth_app_id: otherNumber })
  if (tamper === 'wrong-seller-id') return replace(fields, { seller_id: otherNumber })
  if (tamper !== 'wrong-amount') return fields
  return replace(fields, { total_amount: more, receipt_amount: more, buyer_pay_amount: more, invoice_amount: more })
}

/** An invalid signature: its first letters are changed. */
export function tamperSign(sign: string): string {
  return `${sign.startsWith('AAAA') ? 'BBBB' : 'AAAA'}${sign.slice(4)}`
}

function replace(fields: Fields, changes: Readonly<Record<string, (value: string) => string>>): Fields {
  return fields.map(([name, value]) => [name, changes[name]?.(value) ?? value] as const)
}

function otherNumber(value: string): string {
  return `${value.slice(0, -1)}${(Number(value.slice(-1)) + 1) % 10}`
}

function more(value: string): string {
  const amount = parseYuan(value)
  return amount === undefined ? value : yuan(toFen(amount + 1))
}
