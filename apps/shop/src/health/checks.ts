/**
 * Money health: conditions that must never occur, each as one query over indexes, with the affected order and the
 * repair. All checks run for each visit of the page, and for the operator's metrics.
 */
import { sql } from 'kysely'
import type { Database } from '../db/connect.ts'
import type { Language } from '../errors.ts'
import { type Found, linkTo } from './links.ts'

type Text = Readonly<Record<Language, string>>

/** How the row is repaired: by a button on the page that it links to, or by the documentation. */
export type Repair = 'ask' | 'send-again' | 'decide' | 'refund' | 'replay' | 'repair' | 'run-again' | 'look'

export interface HealthCheck {
  readonly name: string
  readonly title: Text
  readonly meaning: Text
  readonly repair: Repair
  /**
   * Selects `subject` (a number or a name), `order_no` (or null), `since`, and the `page` (see `links.ts`) with the
   * `place` on it; where they apply, `thing` (the type of the subject), `text` (written by a person or a gateway, or a
   * title), and `finding` with its `details`.
   */
  readonly query: string
}

const text = (zh: string, en: string): Text => ({ 'zh-CN': zh, en })

/** The checks cover only this many days, since they run each minute. */
const LATELY = `now() - interval '35 days'`

/** Orders with a refund within those days, however old they are: refunds are possible for a year. */
const REFUNDED_LATELY = `select r.order_id from refunds r where r.status = 'succeeded' and r.finished_at > ${LATELY}`

/** The unmatched payment's own row on the page of all of them. */
const UNMATCHED_PAGE = `'unmatched' as page, jsonb_build_object('id', u.id, 'resolved', u.resolved_at is not null) as place`

/** The refund's order page, or its card among the refunds. */
const REFUND_PAGE = `case when o.id is null then 'refund' else 'order' end as page, jsonb_build_object('number', r.request_no) as place`

/** Both are whole fen; the route formats them as money. */
const fen = (refunded: string, of: string) => `jsonb_build_object('refunded', ${refunded}, 'of', ${of}) as details`
/** The refunds `r` of `of` add up to other sums than it has. */
const countedOtherwise = (
  amount: string,
  of: string,
) => `(coalesce(sum(${amount}) filter (where r.status = 'succeeded'), 0) <> ${of}.refunded_fen
        or coalesce(sum(${amount}) filter (where r.status <> 'succeeded'), 0) <> ${of}.reserved_fen)`
const ADD_UP = `'REFUNDS_DIFFER' as finding`

const ORDER_PAGE = `'order' as page, null::jsonb as place`

export const HEALTH_CHECKS: readonly HealthCheck[] = [
  {
    name: 'paid_without_access',
    title: text('已付款但没有课程', 'Paid without access'),
    meaning: text(
      '订单已付款，但买家没有其中未退款的课程。',
      'An order is paid, but its buyer lacks a course that was not refunded.',
    ),
    repair: 'look',
    query: `select 'course' as thing, l.course_id::text as subject, o.order_no, l.course_title as text, o.paid_at as since, ${ORDER_PAGE}
      from orders o join order_lines l on l.order_id = o.id
      where o.id in (select id from orders where paid_at > ${LATELY} union ${REFUNDED_LATELY})
        and o.status in ('paid', 'partially_refunded') and l.refunded_fen < greatest(l.price_fen, 1)
        and not exists (select from enrolments e where e.user_id = o.user_id and e.course_id = l.course_id and e.revoked_at is null)
        and not exists (select from enrolments e where e.order_id = o.id and e.course_id = l.course_id and e.revoked_at is not null)`,
  },
  {
    name: 'access_without_payment',
    title: text('没有付款却有课程', 'Access without payment'),
    meaning: text(
      '课程来自一个并未付款的订单，或其款项已全额退还。',
      'A course was granted by an order that is not paid, or the course was refunded in full.',
    ),
    repair: 'look',
    query: `select 'course' as thing, e.course_id::text as subject, o.order_no,
        (select title from courses where id = e.course_id) as text, e.granted_at as since, ${ORDER_PAGE}
      from enrolments e join orders o on o.id = e.order_id
      where e.id in (select id from enrolments where granted_at > ${LATELY} and revoked_at is null
                     union select old.id from enrolments old where old.order_id in (${REFUNDED_LATELY})) and e.revoked_at is null
        and (o.status not in ('paid', 'partially_refunded')
          or exists (select from order_lines l
                     where l.order_id = o.id and l.course_id = e.course_id and l.price_fen > 0 and l.refunded_fen = l.price_fen))`,
  },
  {
    name: 'refunds_over_the_total',
    title: text('退款超过付款', 'Refunds exceed the payment'),
    meaning: text(
      '退款合计超过付款，或与账上记录的金额不一致。',
      'Refunds add up to more than was paid, or differ from the total in our books.',
    ),
    repair: 'look',
    query: `select null as thing, a.attempt_no as subject, o.order_no, ${ADD_UP}, ${fen('sum(r.amount_fen)', 'a.amount_fen')},
        a.paid_at as since, ${ORDER_PAGE}
      from refunds r join payment_attempts a on a.id = r.attempt_id join orders o on o.id = a.order_id
      where a.id in (select attempt_id from refunds where requested_at > ${LATELY})
        and r.status in ('requested', 'approved', 'sent', 'succeeded')
      group by a.id, o.id having sum(r.amount_fen) > a.amount_fen or ${countedOtherwise('r.amount_fen', 'a')}
      union all
      select 'course', l.course_id::text, o.order_no, ${ADD_UP}, ${fen('coalesce(sum(back.amount_fen), 0)', 'l.price_fen')},
        o.paid_at, ${ORDER_PAGE}
      from order_lines l join orders o on o.id = l.order_id
        left join (refund_lines back join refunds r on r.id = back.refund_id
                   and r.status in ('requested', 'approved', 'sent', 'succeeded'))
          on back.order_id = l.order_id and back.course_id = l.course_id
      where l.order_id in (select order_id from refunds where requested_at > ${LATELY})
      group by l.order_id, l.course_id, l.price_fen, l.reserved_fen, l.refunded_fen, l.course_title, o.id
      having ${countedOtherwise('back.amount_fen', 'l')}
      union all
      select null, u.trade_no, o.order_no, ${ADD_UP}, ${fen('coalesce(sum(r.amount_fen), 0)', 'u.amount_fen')},
        u.found_at, ${UNMATCHED_PAGE}
      from unmatched_payments u left join orders o on o.id = u.order_id
        left join refunds r on r.unmatched_id = u.id and r.status in ('requested', 'approved', 'sent', 'succeeded')
      where u.found_at > ${LATELY} or u.id in (select unmatched_id from refunds where requested_at > ${LATELY})
      group by u.id, o.id having ${countedOtherwise('r.amount_fen', 'u')}`,
  },
  {
    name: 'refund_outcome_unknown',
    title: text('退款结果长时间未知', 'Refund outcome unknown for too long'),
    meaning: text(
      '退款批准超过 15 分钟仍没有结果；支付平台已受理的，超过 7 天未到账或平台指出问题时列出。系统会继续查询。',
      'Approved more than 15 minutes ago without a result from the gateway. A refund that the gateway accepted is listed after 7 days, or once it reports a problem. The shop keeps querying it.',
    ),
    repair: 'look',
    query: `select r.request_no as subject, o.order_no, r.refusal as text, case when r.refusal is null then 'NO_ANSWER' end as finding,
        r.requested_at as since, ${REFUND_PAGE}
      from refunds r left join orders o on o.id = r.order_id
      where r.status in ('approved', 'sent') and coalesce(r.decided_at, r.requested_at) < now() - interval '15 minutes'
        and (r.accepted_at is null or r.refusal is not null or r.accepted_at < now() - interval '7 days')`,
  },
  {
    name: 'refund_refused',
    title: text('支付平台拒绝了退款', 'Refunds refused by the gateway'),
    meaning: text(
      '可在处理原因后用同一退款号再次发出；钱已另行退还的，以及工作人员停止的订单退款，不在此列。',
      'Can be sent again with the same number once the cause is fixed. Refunds whose money was returned in another way, and refunds of an order that staff stopped, are not listed.',
    ),
    repair: 'send-again',
    query: `select r.request_no as subject, o.order_no, r.refusal as text, r.finished_at as since,
        ${REFUND_PAGE}
      from refunds r left join orders o on o.id = r.order_id
        left join payment_attempts a on a.id = r.attempt_id left join unmatched_payments u on u.id = r.unmatched_id
      where r.status = 'refused'
        and not (r.stopped and exists (select from order_payments p where p.attempt_id = r.attempt_id))
        and r.amount_fen <= coalesce(a.amount_fen - a.reserved_fen - a.refunded_fen, u.amount_fen - u.reserved_fen - u.refunded_fen)
        and not exists (select from refund_lines back
                        join order_lines l on l.order_id = back.order_id and l.course_id = back.course_id
                        where back.refund_id = r.id and back.amount_fen > l.price_fen - l.reserved_fen - l.refunded_fen)`,
  },
  {
    name: 'refund_requests_waiting',
    title: text('退款申请等待超过两天', 'Refund requests waiting for more than two days'),
    meaning: text('买家在等待答复。', 'A buyer is waiting for an answer.'),
    repair: 'decide',
    query: `select r.request_no as subject, o.order_no, r.reason as text, r.requested_at as since, ${ORDER_PAGE}
      from refunds r join orders o on o.id = r.order_id
      where r.status = 'requested' and r.requested_at < now() - interval '2 days'`,
  },
  {
    name: 'order_not_closed_in_time',
    title: text('订单到期仍未关闭', 'Expired orders that are still open'),
    meaning: text(
      '未付款订单已过期超过 10 分钟；可能无法连接支付平台。',
      'Unpaid more than 10 minutes after they expired; the gateway may be unreachable.',
    ),
    repair: 'ask',
    query: `select o.order_no as subject, o.order_no, o.subject as text, o.expires_at as since, ${ORDER_PAGE}
      from orders o where o.status = 'unpaid' and o.expires_at < now() - interval '11 minutes'`,
  },
  {
    name: 'attempt_open_on_decided_order',
    title: text('订单已有结果，付款链接仍有效', 'Open payments of paid or closed orders'),
    meaning: text(
      '订单已付款或已关闭超过 15 分钟，仍有未关闭的付款；买家可能重复付款，多付的会自动退回。',
      'The order was paid or closed more than 15 minutes ago, and another payment of it is still open. If it is paid, it is refunded automatically.',
    ),
    repair: 'ask',
    query: `select a.attempt_no as subject, o.order_no, o.subject as text, coalesce(o.closed_at, o.paid_at) as since, ${ORDER_PAGE}
      from payment_attempts a join orders o on o.id = a.order_id
      where a.status = 'open' and o.status <> 'unpaid' and coalesce(o.closed_at, o.paid_at) < now() - interval '15 minutes'`,
  },
  {
    name: 'notification_not_handled',
    title: text('通知未处理', 'Notifications not handled'),
    meaning: text(
      '签名有效，但处理失败或被拒绝，之后也没有处理成功。仅告知尚未付款或已关闭的不在此列。',
      'Genuine, but refused or failed, and not processed since. Notifications without a payment are not listed.',
    ),
    repair: 'replay',
    query: `select 'notification' as thing, n.id::text as subject, o.order_no, 'NOT_HANDLED' as finding,
        jsonb_build_object('effect', n.effect, 'reason', n.reason_code) as details, n.received_at as since, 'notification' as page, jsonb_build_object('id', n.id) as place
      from notifications n left join payment_attempts a on a.attempt_no = n.attempt_no left join orders o on o.id = a.order_id
      where not n.accepted and n.checks @> '[{"check": "signature", "passed": true}]'
        and (not n.checks @> '[{"check": "status", "passed": false}]'
          or exists (select from jsonb_array_elements(n.checks) c where c @> '{"passed": false}' and c ->> 'check' <> 'status'))
        and not exists (select from notification_handlings h where h.notification_id = n.id and h.accepted)
        and not exists (select from unmatched_payments u where u.trade_no = n.trade_no and u.resolved_at is not null)
        and not exists (select from notifications later where later.attempt_no = n.attempt_no and later.trade_no = n.trade_no
                        and later.accepted and later.id > n.id and later.received_at > n.received_at - interval '1 day')`,
  },
  {
    name: 'unmatched_payment',
    title: text('无主款项', 'Unmatched payments'),
    meaning: text(
      '收到了钱，但没有可对应的未付款订单；未退款也未标记。',
      'Received, but it matches no unpaid order, and it is neither refunded nor marked as handled.',
    ),
    repair: 'refund',
    query: `select u.trade_no as subject, o.order_no, 'UNMATCHED' as finding, jsonb_build_object('reason', u.reason) as details,
        u.found_at as since, ${UNMATCHED_PAGE}
      from unmatched_payments u left join orders o on o.id = u.order_id
      where u.resolved_at is null and ((u.refund_id is null and u.reason <> 'TRIAL_PAYMENT') or u.found_at < now() - interval '15 minutes')`,
  },
  {
    name: 'difference_open',
    title: text('对账差异未处理', 'Open reconciliation differences'),
    meaning: text(
      '账单与账目不一致，尚未处理。',
      "A day's bill and our books differ, and the difference is not repaired.",
    ),
    repair: 'repair',
    query: `select d.trade_no as subject, o.order_no, 'DIFFERENCE' as finding, jsonb_build_object('kind', d.kind) as details, d.found_at as since,
        'day' as page, jsonb_build_object('provider', d.provider, 'day', d.day, 'row', d.id) as place
      from reconciliation_differences d left join orders o on o.id = d.order_id
      where d.gone_at is null and d.repaired_at is null`,
  },
  {
    name: 'day_not_reconciled',
    title: text('未完成对账的日期', 'Days that are not reconciled'),
    meaning: text(
      '账单早已出具，这一天仍没有与账目核对成功；超过七天的不再自动重试。',
      "The day's bill is available, but it was not compared with our books. Days older than seven days are not retried automatically.",
    ),
    repair: 'run-again',
    query: `select 'day' as thing, r.day::text as subject, null as order_no, 'NOT_DONE' as finding,
        jsonb_build_object('provider', r.provider, 'problem', r.problem, 'status', r.status) as details,
        (r.day::timestamp + interval '1 day 15 hours') at time zone 'Asia/Shanghai' as since,
        'day' as page, jsonb_build_object('provider', r.provider, 'day', r.day) as place
      from reconciliations r
      where r.status <> 'done' and r.status <> 'not_offered' and (r.day::timestamp + interval '1 day 15 hours') at time zone 'Asia/Shanghai' < now()
        and greatest(r.requested_at, r.started_at) < now() - interval '10 minutes'`,
  },
  {
    name: 'dead_job',
    title: text('失败的后台任务', 'Failed jobs'),
    meaning: text('重试次数已用尽，可重新执行。', 'All attempts failed; can be run again.'),
    repair: 'run-again',
    query: `select 'task' as thing, j.task_identifier as subject, null as order_no, left(j.last_error, 200) as text, j.updated_at as since,
        'dead-job' as page, jsonb_build_object('id', j.id) as place
      from graphile_worker.jobs j where j.attempts >= j.max_attempts and j.locked_at is null`,
  },
  {
    name: 'month_missing',
    title: text('缺少月度分区', 'Months without a partition'),
    meaning: text(
      '本月或下月的通知或订单历史没有自己的分区；数据不会丢失，但无法按月归档。后台任务每小时重试。',
      'This month or the next has no partition for notifications or for the history of orders. Nothing is lost, but it cannot be archived by month. The jobs try again every hour.',
    ),
    repair: 'look',
    query: `select grown || to_char(month, '_YYYY_MM') as subject, null as order_no,
        'NO_MONTH' as finding, jsonb_build_object('table', grown || '_other', 'rows', strays) as details, month at time zone 'Asia/Shanghai' as since, 'jobs' as page, null::jsonb as place
      from missing_months((now() at time zone 'Asia/Shanghai')::date, 1)`,
  },
  {
    name: 'unknown_proxy',
    title: text('未配置的反向代理', 'Unconfigured proxy in front of the shop'),
    meaning: text(
      '请求从内网地址带着 X-Forwarded-For 到达，但设置不信任它：所有访客被当作同一个地址，共用登录和下单的次数限制。请把 TRUST_PROXY 设为商店前面代理的层数，然后重新启动。',
      'Requests come from a local address with an X-Forwarded-For header that the settings do not trust: all visitors count as one address and share its limits on logins and orders. Set TRUST_PROXY to the number of proxies in front, and restart.',
    ),
    repair: 'look',
    query: `select 'X-Forwarded-For' as subject, null as order_no, 'PROXY' as finding,
        jsonb_build_object('peer', peer, 'entries', entries, 'trusted', trusted) as details, seen_at as since, 'health' as page, null::jsonb as place
      from unknown_proxy where seen_at > now() - interval '1 day' and entries > trusted`,
  },
]

export const THINGS = ['course', 'notification', 'day', 'task'] as const

/** The result in detail where the check's title is not enough; each has its own details. */
export const FINDINGS = [
  'REFUNDS_DIFFER',
  'NO_ANSWER',
  'NOT_HANDLED',
  'UNMATCHED',
  'DIFFERENCE',
  'NOT_DONE',
  'NO_MONTH',
  'PROXY',
] as const

export interface HealthDetails {
  /** Whole fen. */
  readonly refunded?: number
  readonly of?: number
  readonly effect?: string
  readonly reason?: string | null
  readonly kind?: string
  readonly provider?: string
  readonly problem?: string | null
  readonly status?: string
  readonly table?: string
  readonly rows?: number
  readonly peer?: string
  readonly entries?: number
  readonly trusted?: number
}

export interface HealthRow {
  readonly thing?: (typeof THINGS)[number] | null
  readonly subject: string
  readonly order_no: string | null
  readonly text?: string | null
  readonly finding?: (typeof FINDINGS)[number] | null
  readonly details?: HealthDetails | null
  readonly since: Date
  readonly link: string
}

const SHOWN = 50

/** The number of rows, and the oldest fifty. */
export async function runCheck(db: Database, check: HealthCheck): Promise<{ count: number; rows: HealthRow[] }> {
  const { rows } = await sql<Omit<HealthRow, 'link'> & Found & { count: number }>`
    select *, count(*) over () as count from (${sql.raw(check.query)}) found order by since limit ${SHOWN}`.execute(db)
  return { count: rows[0]?.count ?? 0, rows: rows.map((row) => ({ ...row, link: linkTo(row) })) }
}
