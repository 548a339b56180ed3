/** The back office's messages, typed, and texts for names from the server (an event, a reason). */
import type { AdminOrder, MoneyHealth } from '../src/api/client.ts'
import { money } from '../src/formats.ts'
import { isSaid, speaker } from '../src/i18n.ts'
import type chinese from './locales/zh-CN.ts'
import { methodName } from './shop.ts'

export const w = speaker<typeof chinese>('desk')

type Group = keyof typeof chinese & string

/** The text for a name from the server; the name itself if these pages do not know it. */
export function named(group: Group, name: string): string {
  const key = name.replaceAll('.', '_')
  return isSaid(`desk.${group}.${key}`) ? w(`${group}.${key}` as Parameters<typeof w>[0]) : name
}

/** The effect of a notification, and the reason if its payment is listed as unmatched. */
export const effect = ({ effect: did, reason }: { effect: string; reason: string | null }): string =>
  reason === null ? named('effect', did) : w('effect.unmatched', { reason: named('why', reason) })

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
      return w('why.PAID', { provider: methodName(provider), tradeNo, source: sourceOf(details) })
    case 'REFUNDED':
      return w('why.REFUNDED', { why: details?.why ? named('why', details.why) : written, requestNo })
    case 'DIFFERENCE':
      return w('why.DIFFERENCE', { kind: named('kind', kind), note: written })
    case 'LATE_PAYMENT_OF':
    case 'LATE_PAYMENT_MOVED_TO':
      return w(`why.${reasonCode}`, { orderNo })
    case 'NUMBER_SPENT':
    case 'NUMBER_REPLACED':
      return w(`why.${reasonCode}`, { requestNo })
    default:
      return named('why', reasonCode)
  }
}

/** How the payment was discovered. */
function sourceOf(details: Why['details']): string {
  const { source = '', notificationId = '', by = '' } = details ?? {}
  return source === 'replay' ? w('source.replay', { notificationId, by }) : named('source', source)
}

type Found = MoneyHealth['checks'][number]['items'][number]

/** The subject of a money health row: a type with its number, a job by its task, a method's day, or just the number. */
export function about({ thing, subject, details }: Pick<Found, 'thing' | 'subject' | 'details'>): string {
  if (thing === 'task') return named('task', subject)
  if (thing === 'day') return `${methodName(details?.provider ?? '')} ${subject}`
  return thing === null ? subject : `${named('thing', thing)} ${subject}`
}

/** The text of a money health row: its check result, or free text as it is. */
export function finding({ finding: of, text, details }: Pick<Found, 'finding' | 'text' | 'details'>): string {
  const { refunded = '0.00', of: total = '0.00', reason = null, problem, ...facts } = details ?? {}
  switch (of) {
    case null:
      return text
    case 'REFUNDS_DIFFER':
      return w('finding.REFUNDS_DIFFER', { refunded: money(refunded), total: money(total) })
    case 'NOT_HANDLED':
      return effect({ effect: facts.effect ?? '', reason })
    case 'UNMATCHED':
      return named('why', reason ?? '')
    case 'DIFFERENCE':
      return named('kind', facts.kind ?? '')
    case 'NOT_DONE':
      return problem ? named('dayProblem', problem) : named('dayStatus', facts.status ?? '')
    case 'NO_MONTH':
      return w('finding.NO_MONTH', { table: facts.table ?? '', rows: facts.rows ?? 0 })
    case 'PROXY':
      return w('finding.PROXY', { peer: facts.peer ?? '', entries: facts.entries ?? 0, trusted: facts.trusted ?? 0 })
    default:
      return named('finding', of)
  }
}
