/** What the machine could do at most, measured in the same run: signatures of all cores, and the bare rows of a settlement. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
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
 * The rows that a first notification leaves, written by plain SQL in one transaction each: notification, attempt, order,
 * payment, access, three lines of history.
 */
export async function plainSettlements(
  url: string,
  orders: readonly UnpaidOrder[],
  connections: number,
): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  const warm = await Promise.all(Array.from({ length: connections }, () => pool.connect()))
  for (const client of warm) client.release()
  const body = Buffer.alloc(1200, 97)
  let next = 0
  const started = performance.now()
  const work = async () => {
    const client = await pool.connect()
    for (let index = next++; index < orders.length; index = next++) {
      const order = orders[index]
      if (order) await settlePlainly(client, order, body)
    }
    client.release()
  }
  await Promise.all(Array.from({ length: connections }, work))
  const seconds = (performance.now() - started) / 1000
  await pool.end()
  return orders.length / seconds
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
  await run('order', "update orders set status = 'paid', paid_at = now() where id = $1 and status = 'unpaid'", [
    orderId,
  ])
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
    `insert into order_history (order_id, at, event, from_status, to_status, actor, subject)
     values ($1, now(), 'pay', 'open', 'paid', 'gateway', 'attempt'), ($1, now(), 'pay', 'unpaid', 'paid', 'gateway', 'order'),
       ($1, now(), 'grant', null, 'active', 'shop', 'access')`,
    [orderId],
  )
  await client.query('commit')
}
