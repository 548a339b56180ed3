/** The back office's messages, typed, and texts for names from the server (an event, a reason). */
import type { AdminOrder, MoneyHealth } from '../src/api/client.ts'
import { money } from '../src/formats.ts'
import { hasMessage, translator } from '../src/i18n.ts'
import type chinese from './locales/zh-CN.ts'
import { methodName } from './shop.ts'

export const tAdmin = translator<typeof chinese>('admin')

type Group = keyof typeof chinese & string

/** The text for a name from the server; the name itself if these pages do not know it. */
export function labelFor(group: Group, name: string): string {
  const key = name.replaceAll('.', '_')
  return hasMessage(`admin.${group}.${key}`) ? tAdmin(`${group}.${key}` as Parameters<typeof tAdmin>[0]) : name
}

/** The effect of a notification, and the reason if its payment is listed as unmatched. */
export const effect = ({ effect: did, reason }: { effect: string; reason: string | null }): string =>
  reason === null ? labelFor('effect', did) : tAdmin('effect.unmatched', { reason: labelFor('why', reason) })

/** The reason of a history entry, as the server stores it. */
export type Why = Pick<AdminOrder['history'][number], 'reason' | 'reasonCode' | 'details'>

/** The text for one of the shop's own reasons; what a person or a gateway wrote is shown as it is. */
export function why({ reason: written, reasonCode, details }: Why): string {
  const { provider = '', tradeNo = '', orderNo = '', requestNo = '', kind = '' } = details ?? {}
  switch (reasonCode) {
    case null:
      return written
    case 'METHOD_CHOSEN':
      return methodName(provider)
    case 'PAID':
      return tAdmin('why.PAID', { provider: methodName(provider), tradeNo, source: sourceOf(details) })
    case 'REFUNDED':
      return tAdmin('why.REFUNDED', { why: details?.why ? labelFor('why', details.why) : written, requestNo })
    case 'DIFFERENCE':
      return tAdmin('why.DIFFERENCE', { kind: labelFor('kind', kind), note: written })
    case 'STOPPED':
      return tAdmin('why.STOPPED', { note: written })
    case 'LATE_PAYMENT_OF':
    case 'LATE_PAYMENT_MOVED_TO':
      return tAdmin(`why.${reasonCode}`, { orderNo })
    case 'NUMBER_SPENT':
    case 'NUMBER_REPLACED':
    case 'MADE_INSTEAD':
      return tAdmin(`why.${reasonCode}`, { requestNo })
    default:
      return labelFor('why', reasonCode)
  }
}

/** How the payment was discovered. */
function sourceOf(details: Why['details']): string {
  const { source = '', notificationId = '', by = '' } = details ?? {}
  return source === 'replay' ? tAdmin('source.replay', { notificationId, by }) : labelFor('source', source)
}

type Found = MoneyHealth['checks'][number]['items'][number]

/** The subject of a money health row: a type with its number, a job by its task, a method's day, or just the number. */
export function about({ thing, subject, details }: Pick<Found, 'thing' | 'subject' | 'details'>): string {
  if (thing === 'task') return labelFor('task', subject)
  if (thing === 'day') return `${methodName(details?.provider ?? '')} ${subject}`
  return thing === null ? subject : `${labelFor('thing', thing)} ${subject}`
}

/** The text of a money health row: its check result, or free text as it is. */
export function finding({ finding: of, text, details }: Pick<Found, 'finding' | 'text' | 'details'>): string {
  const { refunded = '0.00', of: total = '0.00', reason = null, problem, ...facts } = details ?? {}
  switch (of) {
    case null:
      return text
    case 'REFUNDS_DIFFER':
      return tAdmin('finding.REFUNDS_DIFFER', { refunded: money(refunded), total: money(total) })
    case 'NOT_HANDLED':
      return effect({ effect: facts.effect ?? '', reason })
    case 'UNMATCHED':
      return labelFor('why', reason ?? '')
    case 'DIFFERENCE':
      return labelFor('kind', facts.kind ?? '')
    case 'NOT_DONE':
      return problem ? labelFor('dayProblem', problem) : labelFor('dayStatus', facts.status ?? '')
    case 'NO_MONTH':
      return tAdmin('finding.NO_MONTH', { table: facts.table ?? '', rows: facts.rows ?? 0 })
    case 'PROXY':
      return tAdmin('finding.PROXY', {
        peer: facts.peer ?? '',
        entries: facts.entries ?? 0,
        trusted: facts.trusted ?? 0,
      })
    default:
      return labelFor('finding', of)
  }
}
