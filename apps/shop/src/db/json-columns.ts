/** Column types that the database does not know: the shape of JSON values, and the codes that a text may hold. */
import type { ColumnType } from 'kysely'

/** Read as a parsed value, written as JSON text. */
export type Json<T> = ColumnType<T, string, string>
export type JsonOrDefault<T> = ColumnType<T, string | undefined, string>

export type NotificationChecks = { check: string; passed: boolean; detail?: string; expected?: string }[]
export type StoredLink = { payUrl: string } | { codeUrl: string; scanUrl?: string }
export type ShownSettings = { name: string; value: string; ends?: string }[]
export type ImportProblems = { line: number; column: string; code: string; value: string }[]
export type ShopContact = { text?: string; phone?: string; email?: string; chatId?: string }
export type BillTotals = Record<string, number>
export type AuditValues = Record<string, unknown>

export type RefundReason = 'ORDER_ALREADY_PAID' | 'ORDER_CLOSED' | 'COURSE_ALREADY_OWNED' | 'MADE_BY_HAND'
export type HistoryReason =
  | RefundReason
  | 'METHOD_CHOSEN'
  | 'PAID'
  | 'NOT_PAID_IN_TIME'
  | 'CLOSED_AT_GATEWAY'
  | 'NOT_NEEDED'
  | 'GIVEN_UP'
  | 'LATE_PAYMENT_OF'
  | 'LATE_PAYMENT_MOVED_TO'
  | 'NUMBER_SPENT'
  | 'NUMBER_REPLACED'
  | 'MADE_INSTEAD'
  | 'STOPPED'
  | 'REFUNDED_THERE'
  | 'REFUNDED'
  | 'DIFFERENCE'
export interface HistoryDetails {
  provider?: string
  tradeNo?: string
  source?: 'notification' | 'query' | 'replay'
  notificationId?: number
  by?: string
  orderNo?: string
  requestNo?: string
  why?: RefundReason
  kind?: string
}
