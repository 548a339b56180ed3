/** The machine's upper limits, measured in the same run: signatures of all cores, and the bare rows of a settlement. */
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import pg from 'pg'

/** RSA-2048 signatures per second of all cores (`openssl speed -multi`). @throws Error without openssl */
export function signaturesPerSecond(seconds: number): number {
  const args = ['speed', '-seconds', String(seconds), '-multi', String(availableParallelism()), 'rsa2048']
  const { stdout, status } = spawnSync('openssl', args, { encoding: 'utf8' })
  const line = /^rsa\s+2048 bits\s+\S+\s+\S+\s+([\d.]+)/m.exec(stdout)
  if (status !== 0 || !line) throw new Error('openssl speed rsa2048 gave no figure')
  return Number(line[1])
}

export interface UnpaidOrder {
  readonly orderId: number
  readonly userId: number
  readonly courseId: number
  readonly attemptId: number
}

/**
 * Writes the rows of a first notification by plain SQL, one transaction each: notification, attempt, order, payment,
 * access, two history entries.
 * @returns settlements per second
 */
export function plainSettlements(url: string, orders: readonly UnpaidOrder[], connections: number): Promise<number> {
  const body = Buffer.alloc(1200, 97)
  return perSecond(url, orders, connections, (client, order) => settlePlainly(client, order, body))
}

export interface PlainPurchase {
  readonly userId: number
  readonly courseId: number
  readonly fen: number
}

/**
 * Writes the rows of a new order by plain SQL, one transaction each: order, line, attempt, two history entries. Nothing
 * is checked, signed or answered.
 * @returns orders per second
 */
export function plainOrders(url: string, purchases: readonly PlainPurchase[], connections: number): Promise<number> {
  return perSecond(url, purchases, connections, placePlainly)
}

async function perSecond<Work>(
  url: string,
  works: readonly Work[],
  connections: number,
  each: (client: pg.PoolClient, work: Work) => Promise<void>,
): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  const warm = await Promise.all(Array.from({ length: connections }, () => pool.connect()))
  for (const client of warm) client.release()
  let next = 0
  const started = performance.now()
  const run = async () => {
    const client = await pool.connect()
    for (let index = next++; index < works.length; index = next++) {
      const work = works[index]
      if (work) await each(client, work)
    }
    client.release()
  }
  await Promise.all(Array.from({ length: connections }, run))
  const seconds = (performance.now() - started) / 1000
  await pool.end()
  return works.length / seconds
}

async function placePlainly(client: pg.PoolClient, { userId, courseId, fen }: PlainPurchase): Promise<void> {
  const orderNo = randomBytes(16).toString('hex')
  const run = (name: string, text: string, values: unknown[]) => client.query({ name, text, values })
  await client.query('begin')
  const { rows } = await run(
    'order',
    `insert into orders (order_no, user_id, subject, total_fen, pay_type, course_ids, created_at, expires_at)
     values ($1, $2, 'bench', $3, 'alipay', $4, now(), now() + interval '30 minutes') returning id`,
    [orderNo, userId, fen, [courseId]],
  )
  const [{ id }] = rows as [{ id: string }]
  await run(
    'line',
    "insert into order_lines (order_id, position, course_id, course_title, price_fen) values ($1, 0, $2, 'bench', $3)",
    [id, courseId, fen],
  )
  await run(
    'attempt',
    "insert into payment_attempts (order_id, provider, attempt_no, amount_fen, created_at) values ($1, 'alipay', $2, $3, now())",
    [id, orderNo, fen],
  )
  await run(
    'history',
    `insert into order_history (order_id, at, event, from_status, to_status, actor, subject, reason_code, details)
     values ($1, now(), 'place', null, 'unpaid', 'buyer', 'order', null, null),
       ($1, now(), 'open', null, 'open', 'buyer', 'attempt', 'METHOD_CHOSEN', $2)`,
    [id, '{"provider":"alipay"}'],
  )
  await client.query('commit')
}

async function settlePlainly(client: pg.PoolClient, order: UnpaidOrder, body: Buffer): Promise<void> {
  const { orderId, userId, courseId, attemptId } = order
  const tradeNo = createHash('md5').update(`plain ${attemptId}`).digest('hex')
  const run = (name: string, text: string, values: unknown[]) => client.query({ name, text, values })
  await client.query('begin')
  await run(
    'notification',
    `insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect,
       accepted, attempt_no, trade_no, notify_id)
     values ('alipay', now(), '127.0.0.1', 'application/x-www-form-urlencoded', '{}', $1, $2, '[]', 'settled', true, $3, $3, $3)`,
    [body, body.length, tradeNo],
  )
  await run(
    'attempt',
    "update payment_attempts set status = 'paid', trade_no = $2, paid_at = now(), ask_at = null where id = $1",
    [attemptId, tradeNo],
  )
  await run('order', "update orders set status = 'paid', paid_at = now() where id = $1", [orderId])
  await run('payment', 'insert into order_payments (order_id, attempt_id, paid_at) values ($1, $2, now())', [
    orderId,
    attemptId,
  ])
  await run(
    'access',
    "insert into enrolments (user_id, course_id, order_id, granted_at, granted_by) values ($1, $2, $3, now(), 'order')",
    [userId, courseId, orderId],
  )
  await run(
    'history',
    `insert into order_history (order_id, at, event, from_status, to_status, actor, subject, reason_code, details)
     values ($1, now(), 'pay', 'open', 'paid', 'gateway', 'attempt', 'PAID', $2),
       ($1, now(), 'pay', 'unpaid', 'paid', 'gateway', 'order', 'PAID', $2)`,
    [orderId, JSON.stringify({ provider: 'alipay', tradeNo, source: 'notification' })],
  )
  await client.query('commit')
}
