-- The sentences that the shop wrote until now become codes and facts. A file of its own, because the one before it locks whole
-- tables: this one locks rows only, and of the large tables rows that nothing else changes, so the shop may go on reading and
-- writing meanwhile. It reads the history and the inbox a few times and rewrites most of the history's lines. If it is
-- interrupted, nothing has changed and it starts again. A sentence that is none of the shop's own stays as it is, and so does
-- what a process of the former version writes after this.

update order_history
  set reason_code = 'METHOD_CHOSEN', details = jsonb_build_object('provider', reason), reason = ''
  where subject = 'attempt' and event = 'open' and reason ~ '^\w+$';

update order_history
  set reason_code = 'PAID', reason = '', details = jsonb_build_object('provider', split_part(reason, ' ', 1),
    'tradeNo', substring(reason from '^\w+ (\S+), '), 'source', substring(reason from '\w+$'))
  where subject in ('attempt', 'order') and event = 'pay' and reason ~ '^\w+ \S+, (notification|query)$';

update order_history
  set reason_code = 'PAID', reason = '', details = jsonb_build_object('provider', split_part(reason, ' ', 1),
    'tradeNo', substring(reason from '^\w+ (\S+), '), 'source', 'replay',
    'notificationId', substring(reason from ', notification (\d+), ')::bigint,
    'by', substring(reason from ', handled again by (.+)$'))
  where subject in ('attempt', 'order') and event = 'pay' and reason ~ '^\w+ \S+, notification \d{1,15}, handled again by .';

update order_history
  set reason = '', reason_code = case reason when 'closed there' then 'CLOSED_AT_GATEWAY' when 'not needed' then 'NOT_NEEDED'
    else 'NOT_PAID_IN_TIME' end
  where subject in ('attempt', 'order') and event in ('close', 'expire') and actor in ('gateway', 'job')
    and reason in ('closed there', 'not needed', 'not paid in time');

update order_history
  set reason = '', details = jsonb_build_object('orderNo', substring(reason from '\w+$')),
    reason_code = case event when 'place' then 'LATE_PAYMENT_OF' else 'LATE_PAYMENT_MOVED_TO' end
  where subject = 'order' and actor = 'shop' and (event = 'place' and reason ~ '^a late payment of order \w+$'
    or event = 'replace' and reason ~ '^a late payment; see order \w+$');

update order_history
  set reason = '', details = jsonb_build_object('requestNo', substring(reason from '^(?:as|before:) (\w+)')),
    reason_code = case when from_status is null then 'NUMBER_REPLACED' else 'NUMBER_SPENT' end
  where subject = 'refund' and event = 'sendAgain' and (from_status is null and reason ~ '^before: \w+$'
    or from_status is not null and reason ~ '^as \w+, since its number was closed over there$');

update order_history
  set reason = '', reason_code = case reason when 'made at the gateway by hand' then 'MADE_BY_HAND' else reason end
  where subject = 'refund' and (actor = 'job' and event = 'send' or actor in ('shop', 'staff') and event = 'request')
    and reason in ('made at the gateway by hand', 'ORDER_ALREADY_PAID', 'ORDER_CLOSED', 'COURSE_ALREADY_OWNED');

-- The refund's own reason, and its number.
update order_history
  set reason_code = 'REFUNDED', reason = case when own.why is null then own.words else '' end,
    details = jsonb_strip_nulls(jsonb_build_object('requestNo', own.number, 'why', own.why))
  from (
    select order_id, id, at, words, number, case
        when words = 'made at the gateway by hand' then 'MADE_BY_HAND'
        when words in ('ORDER_ALREADY_PAID', 'ORDER_CLOSED', 'COURSE_ALREADY_OWNED') then words end as why
      from (select order_id, id, at, substring(reason from '^(.*), refund \S+$') as words,
              substring(reason from ', refund (\S+)$') as number
            from order_history
            where (subject = 'order' and event in ('refundPart', 'refundRest') and actor = 'gateway'
                or subject = 'access' and event = 'revoke' and actor = 'shop') and reason ~ ', refund \S+$') line
  ) own
  where own.order_id = order_history.order_id and own.id = order_history.id and own.at = order_history.at;

update order_history
  set reason_code = 'DIFFERENCE', details = jsonb_build_object('kind', substring(reason from '^([A-Z_]+): ')),
    reason = substring(reason from '^[A-Z_]+: (.*)$')
  where subject = 'reconciliation' and reason ~ '^[A-Z_]+: ';

update notifications
  set effect = case effect when 'nothing to do' then 'nothing_to_do' else 'unmatched' end,
    reason_code = substring(effect from '^set aside: (\w+)$')
  where effect = 'nothing to do' or effect ~ '^set aside: \w+$';

update notification_handlings
  set effect = case effect when 'nothing to do' then 'nothing_to_do' else 'unmatched' end,
    reason_code = substring(effect from '^set aside: (\w+)$')
  where effect = 'nothing to do' or effect ~ '^set aside: \w+$';

-- Last, since these rows may be wanted: the shop sends them.
update refunds
  set reason_code = case reason when 'made at the gateway by hand' then 'MADE_BY_HAND' else reason end,
    reason = case reason when 'made at the gateway by hand' then 'MADE_BY_HAND' else reason end
  where requested_by = 'shop' and reason in ('ORDER_ALREADY_PAID', 'ORDER_CLOSED', 'COURSE_ALREADY_OWNED')
    or requested_by = 'staff' and status = 'succeeded' and tries = 0 and reason = 'made at the gateway by hand';
