/** Money health for staff, and as metrics for the operator. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Gauge, register } from 'prom-client'
import { type Static, Type } from 'typebox'
import { adminRoute } from '../admin/admin-routes.ts'
import type { Database } from '../db/connect.ts'
import { readerLanguage } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { sharedAnswer } from '../http/load/shared-answer.ts'
import { Moment, Money, problems, writeMoment } from '../http/shapes.ts'
import { formatYuan, toFen } from '../money.ts'
import { FINDINGS, HEALTH_CHECKS, type HealthDetails, runCheck, THINGS } from './checks.ts'

const route = adminRoute('money')

const TextOrNull = Type.Union([Type.String(), Type.Null()])
const DetailsShape = Type.Object({
  refunded: Type.Optional(Money),
  of: Type.Optional(Money),
  effect: Type.Optional(Type.String()),
  reason: Type.Optional(TextOrNull),
  kind: Type.Optional(Type.String()),
  provider: Type.Optional(Type.String()),
  problem: Type.Optional(TextOrNull),
  status: Type.Optional(Type.String()),
  table: Type.Optional(Type.String()),
  rows: Type.Optional(Type.Integer()),
  peer: Type.Optional(Type.String()),
  entries: Type.Optional(Type.Integer()),
  trusted: Type.Optional(Type.Integer()),
})

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
            thing: Type.Union([Type.Enum([...THINGS]), Type.Null()], { description: 'The type of the subject' }),
            subject: Type.String({ description: 'A number or a name' }),
            orderNo: Type.Union([Type.String(), Type.Null()]),
            text: Type.String({ description: 'Text written by a person or a gateway, or a title' }),
            finding: Type.Union([Type.Enum([...FINDINGS]), Type.Null()]),
            details: Type.Union([DetailsShape, Type.Null()], { description: 'The details of the result' }),
            since: Moment,
            link: Type.String({ description: 'The page on which to repair it' }),
            repair: Type.String(),
          }),
        ),
      }),
    ),
  },
  { $id: 'MoneyHealth' },
)

export function addHealthAdminRoutes(admin: Application, db: Database, clock: () => Date): void {
  admin.addSchema(HealthShape)
  admin.get(
    '/money-health',
    route('money.read', {
      summary: 'Conditions that must never occur, and the affected rows',
      response: { 200: Type.Ref('MoneyHealth'), ...problems(401, 403) },
    }),
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
          items: rows.map((row) => ({
            thing: row.thing ?? null,
            subject: row.subject,
            orderNo: row.order_no,
            text: row.text ?? '',
            finding: row.finding ?? null,
            details: row.details ? writeDetails(row.details) : null,
            since: writeMoment(row.since),
            link: row.link,
            repair: check.repair,
          })),
        })
      }
      return { checkedAt: writeMoment(clock()), checks }
    },
  )
}

const writeDetails = ({ refunded, of, ...details }: HealthDetails): Static<typeof DetailsShape> =>
  refunded === undefined || of === undefined
    ? details
    : { ...details, refunded: formatYuan(toFen(refunded)), of: formatYuan(toFen(of)) }

const FRESH_MS = 15_000

/** How long the metrics wait for the counts, so that a slow database does not hold back the other metrics. */
const WAIT_MS = 1000

/**
 * `xuecheng_money_health{check="…"}`: the number of rows of each check. Each process queries the database at most every
 * 15 seconds. Absent while the database does not answer, since an old number would hide that.
 */
export function measureHealth(db: Database): void {
  const counts = sharedAnswer(async () => {
    const found = new Map<string, number>()
    for (const check of HEALTH_CHECKS) found.set(check.name, (await runCheck(db, check)).count)
    return found
  }, FRESH_MS)
  const gauge = new Gauge({
    name: 'xuecheng_money_health',
    help: 'Rows that a money check found; anything above 0 wants somebody to look',
    labelNames: ['check'],
    // All processes read the same database, so their numbers must not be summed.
    aggregator: 'max',
    registers: [register],
    async collect() {
      const late = sleep(WAIT_MS, undefined, { ref: false })
      const found = await Promise.race([counts(), late]).catch(() => undefined)
      gauge.reset()
      for (const [check, number] of found ?? []) gauge.set({ check }, number)
    },
  })
}
