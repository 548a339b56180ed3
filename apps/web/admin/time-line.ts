/** Everything that happened to an order, of whatever kind, in the order of time. */
import type { AdminOrder } from '../src/api/client.ts'

export interface Happening {
  readonly at: string
  /** What it is called in the words for events: "order_pay", "gateway_ask". */
  readonly event: string
  readonly actor: string
  readonly user: string | null
  /** Which attempt or refund. */
  readonly number: string | null
  /** Which course, by its title. */
  readonly course: string | null
  readonly reason: string
  /** What a notification did, and where it is read. */
  readonly notification: { readonly id: number; readonly effect: string } | null
  readonly answer: AdminOrder['asked'][number]['answer'] | null
}

const NOTHING = { user: null, number: null, course: null, reason: '', notification: null, answer: null } as const

/** The newest last. What came at the same moment stays as the history has it, after what caused it. */
export function timeLineOf(order: AdminOrder): Happening[] {
  const title = (courseId: string) => order.lines.find((line) => String(line.courseId) === courseId)?.title ?? courseId
  const notifications = order.notifications.map(
    ({ id, receivedAt, accepted, effect, attemptNo }): Happening => ({
      ...{ ...NOTHING, at: receivedAt, actor: 'gateway', number: attemptNo },
      ...{ event: accepted ? 'notification_accept' : 'notification_refuse', notification: { id, effect } },
    }),
  )
  const asked = order.asked.map(
    ({ at, user, attemptNo, answer }): Happening => ({
      ...{ ...NOTHING, at, event: 'gateway_ask', actor: 'staff', user, number: attemptNo, answer },
    }),
  )
  const history = order.history.map(
    ({ at, subject, event, actor, user, number, reason }): Happening => ({
      ...{ ...NOTHING, at, event: `${subject}_${event}`, actor, user, reason },
      ...(subject === 'access' ? { course: number === null ? null : title(number) } : { number }),
    }),
  )
  // What the payment itself gave stands in the books of access, not in the history.
  const given = order.lines.flatMap(({ title: course, access }): Happening[] =>
    access.grantedAt !== null && access.grantedBy === 'order'
      ? [{ ...NOTHING, at: access.grantedAt, event: 'access_grant', actor: 'shop', course }]
      : [],
  )
  return [...notifications, ...asked, ...history, ...given].sort(
    (left, right) => Date.parse(left.at) - Date.parse(right.at),
  )
}
