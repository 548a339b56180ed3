/** What an audit entry says was changed, as labelled fields with their old and new values in the reader's language. */
import type { AuditLine } from '../../../src/api/client.ts'
import { money, stamp } from '../../../src/formats.ts'
import { language } from '../../../src/i18n.ts'
import { readAmount } from '../../../src/sum.ts'
import { methodName } from '../../shop.ts'
import { labelFor, tAdmin } from '../../words.ts'

export interface Change {
  readonly name: string
  readonly label: string
  /** Undefined if the entry says nothing of it; a field that exists without a value is a dash. */
  readonly before: string | undefined
  readonly after: string | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** These say which part of the subject was changed; they are shown although they are the same before and after. */
const CONTEXT: readonly string[] = ['courseId', 'chapter', 'lesson', 'task', 'id', 'orderNo']

export function changesOf({ action, before, after }: Pick<AuditLine, 'action' | 'before' | 'after'>): Change[] {
  const [old, now] = [flatten(before), flatten(after)]
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((name) => {
    const [was, is] = [old, now].map((fields) => (name in fields ? write(name, fields[name], action) : undefined))
    if (was === is && !CONTEXT.includes(name)) return []
    return [{ name, label: labelFor('auditField', name), before: was === is ? undefined : was, after: is }]
  })
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Parts of a field become fields of their own: a shop's contact, or the settings of a payment method by their names. */
function flatten(value: unknown): Fields {
  if (!isFields(value)) return {}
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, of]): [string, unknown][] => {
      if (name === 'shown') return settingsIn(of)
      return isFields(of) ? Object.entries(flatten(of)) : [[name, of]]
    }),
  )
}

const settingsIn = (shown: unknown): [string, string][] =>
  (Array.isArray(shown) ? shown.filter(isFields) : []).map(({ name, value, ends }) => [
    String(name),
    ends ? `${value} …${ends}` : String(value),
  ])

const MONEY = /^(fen|price|originalPrice|amount|reserved|refunded|refundLimit)$/
const TIME = /^\d{4}-\d{2}-\d{2}T/
/** The texts for names that the server uses as values. */
const GROUPS = {
  role: 'role',
  factorRoles: 'role',
  effect: 'effect',
  reason: 'why',
  task: 'task',
  kind: 'kind',
  repair: 'fix',
  access: 'accessState',
} as const

function write(name: string, value: unknown, action: string): string {
  if (value === null || value === undefined || value === '') return tAdmin('none')
  if (typeof value === 'boolean') return tAdmin(value ? 'yes' : 'no')
  if (Array.isArray(value)) {
    const items = value.map((item) => write(name, item, action))
    return items.length > 0 ? items.join(language() === 'en' ? ', ' : '、') : tAdmin('none')
  }
  if (isFields(value)) {
    const parts = Object.entries(value).map(
      ([part, of]) => `${labelFor('auditField', part)} ${write(part, of, action)}`,
    )
    return `(${parts.join(' · ')})`
  }
  const text = name === 'fen' ? yuanOf(value) : String(value)
  if (MONEY.test(name) && readAmount(text)) return money(readAmount(text) ?? text)
  if (TIME.test(text)) return stamp(text)
  return textOf(name, text, action)
}

/** Whole fen as the API writes amounts. */
function yuanOf(fen: unknown): string {
  const digits = String(fen).padStart(3, '0')
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`
}

function textOf(name: string, value: string, action: string): string {
  if (name === 'status') return labelFor(statusOf(action), value)
  if (name === 'payType' || name === 'provider') return methodName(value)
  if (action === 'order.ask') return labelFor('gatewayAnswer', value)
  const group = Object.entries(GROUPS).find(([field]) => field === name)?.[1]
  return group ? labelFor(group, value) : value
}

/** Whose states these are: sending a refund says the order's. */
function statusOf(action: string): 'orderStatus' | 'refundStatus' | 'courseStatus' {
  if (action.startsWith('course.')) return 'courseStatus'
  return action.startsWith('refund.') && action !== 'refund.send' ? 'refundStatus' : 'orderStatus'
}
