/** Money health for staff, and as numbers for the operator. */
import { Gauge, register } from 'prom-client'
import { Type } from 'typebox'
import type { Database } from '../database/connect.ts'
import { readerLanguage } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { Moment, problems, writeMoment } from '../http/shapes.ts'
import { HEALTH_CHECKS, runCheck } from './checks.ts'

const HealthShape = Type.Object(
  {
    checkedAt: Moment,
    checks: Type.Array(
      Type.Object({
        check: Type.String(),
        title: Type.String({ description: "In the reader's language" }),
        meaning: Type.String(),
        count: Type.Integer(),
        ok: Type.Boolean(),
        items: Type.Array(
          Type.Object({
            subject: Type.String(),
            orderNo: Type.Union([Type.String(), Type.Null()]),
            text: Type.String(),
            since: Moment,
            link: Type.String({ description: 'The page where it is repaired' }),
            repair: Type.String(),
          }),
        ),
      }),
    ),
  },
  { $id: 'MoneyHealth' },
)

export function addHealthDesk(desk: Application, db: Database, clock: () => Date): void {
  desk.addSchema(HealthShape)
  desk.get(
    '/money-health',
    {
      config: { right: 'money.read' },
      schema: {
        tags: ['desk: money'],
        summary: 'What must never be, and where it is',
        response: { 200: Type.Ref('MoneyHealth'), ...problems(401, 403) },
      },
    },
    async (request) => {
      const language = readerLanguage(request.headers['accept-language'])
      const checks = []
      for (const check of HEALTH_CHECKS) {
        const { count, rows } = await runCheck(db, check)
        checks.push({
          check: check.name,
          title: check.title[language],
          meaning: check.meaning[language],
          count,
          ok: count === 0,
          items: rows.map(({ subject, order_no: orderNo, text, since, link }) => ({
            subject,
            orderNo,
            text,
            since: writeMoment(since),
            link,
            repair: check.repair,
          })),
        })
      }
      return { checkedAt: writeMoment(clock()), checks }
    },
  )
}

const FRESH_MS = 15_000

/** `xuecheng_money_health{check="…"}`: how many there are of each. Asked of the database at most every 15 seconds a process. */
export function measureHealth(db: Database): void {
  let counted = { at: Number.NEGATIVE_INFINITY, counts: Promise.resolve(new Map<string, number>()) }
  const count = async () => {
    const counts = new Map<string, number>()
    for (const check of HEALTH_CHECKS) counts.set(check.name, (await runCheck(db, check)).count)
    return counts
  }
  const gauge = new Gauge({
    name: 'xuecheng_money_health',
    help: 'Rows that a money check found; anything above 0 wants somebody to look',
    labelNames: ['check'],
    // Every process reads the same database: the numbers of several processes are one number, not a sum.
    aggregator: 'max',
    registers: [register],
    async collect() {
      // Who asks while it is being counted waits for that.
      if (performance.now() - counted.at > FRESH_MS) {
        counted = { at: performance.now(), counts: count() }
        counted.counts.catch(() => {
          counted.at = Number.NEGATIVE_INFINITY
        })
      }
      for (const [check, found] of await counted.counts) gauge.set({ check }, found)
    },
  })
}
