/** Everything that happened to an order, in chronological order. */
import type { AdminOrder } from '../../../src/api/client.ts'
import type { Why } from '../../words.ts'

export interface Happening {
  readonly at: string
  /** Key among the event messages: "order_pay", "gateway_ask". */
  readonly event: string
  readonly actor: string
  readonly user: string | null
  /** Number of the attempt or refund. */
  readonly number: string | null
  /** Title of the course. */
  readonly course: string | null
  readonly why: Why | null
  /** The effect of a notification, and its id for the link. */
  readonly notification: Pick<AdminOrder['notifications'][number], 'id' | 'effect' | 'reason'> | null
  readonly answer: AdminOrder['asked'][number]['answer'] | null
}

const NOTHING = { user: null, number: null, course: null, why: null, notification: null, answer: null } as const

/** Newest last. Entries with the same time keep their order: the cause first, then the history as stored. */
export function timeLineOf(order: AdminOrder): Happening[] {
  const title = (courseId: string) => order.lines.find((line) => String(line.courseId) === courseId)?.title ?? courseId
  const notifications = order.notifications.map(
    ({ id, receivedAt, accepted, effect, reason, attemptNo }): Happening => ({
      ...NOTHING,
      at: receivedAt,
      actor: 'gateway',
      number: attemptNo,
      event: accepted ? 'notification_accept' : 'notification_refuse',
      notification: { id, effect, reason },
    }),
  )
  const asked = order.asked.map(
    ({ at, user, attemptNo, answer }): Happening => ({
      ...NOTHING,
      at,
      event: 'gateway_ask',
      actor: 'staff',
      user,
      number: attemptNo,
      answer,
    }),
  )
  const history = order.history.map(
    ({ at, subject, event, actor, user, number, reason, reasonCode, details }): Happening => ({
      ...NOTHING,
      at,
      event: `${subject}_${event}`,
      actor,
      user,
      why: reason === '' && reasonCode === null ? null : { reason, reasonCode, details },
      ...(subject === 'access' ? { course: number === null ? null : title(number) } : { number }),
    }),
  )
  // Access that the payment itself granted is recorded in the enrolments, not in the history.
  const given = order.lines.flatMap(({ title: course, access }): Happening[] =>
    access.grantedAt !== null && access.grantedBy === 'order'
      ? [{ ...NOTHING, at: access.grantedAt, event: 'access_grant', actor: 'shop', course }]
      : [],
  )
  return [...notifications, ...asked, ...history, ...given].sort(
    (left, right) => Date.parse(left.at) - Date.parse(right.at),
  )
}
