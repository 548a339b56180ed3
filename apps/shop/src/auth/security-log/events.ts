/** The security events of an account: a page of them for its owner, and how long they are kept. */
import { type Static, Type } from 'typebox'
import type { Database, Reader } from '../../db/connect.ts'
import { cursorPage, type Page } from '../../http/cursor.ts'
import { Moment, viewOf } from '../../http/shapes.ts'

const PAGE = 20

export const SecurityEventShape = Type.Object(
  {
    id: Type.Integer(),
    at: Moment,
    event: Type.String({ description: 'The action or attempt: "login", "password.changed"' }),
    outcome: Type.Enum(['ok', 'asked', 'refused'], {
      description: '`asked`: the password was right, and a code was required',
    }),
    reason: Type.String({ description: 'The code of a refusal; empty otherwise' }),
    address: Type.String({ description: 'Empty for the command line' }),
    userAgent: Type.String(),
    by: Type.Union([Type.String(), Type.Null()], { description: 'The staff member who did it to this account' }),
    times: Type.Integer({ description: 'More than one if events were so frequent that only their number was stored' }),
  },
  { $id: 'SecurityEvent' },
)

/** Newest first. @throws ShopError INVALID_INPUT for an invalid cursor */
export async function listSecurityEvents(
  db: Reader,
  userId: number,
  cursor: string | undefined,
): Promise<Page<Static<typeof SecurityEventShape>>> {
  const query = db
    .selectFrom('security_events as e')
    .leftJoin('users as staff', 'staff.id', 'e.by_user_id')
    .select(['e.id', 'at', 'event', 'outcome', 'reason', 'address', 'user_agent', 'staff.username as by', 'times'])
    .where('e.user_id', '=', userId)
  return cursorPage({ cursor, query, key: 'e.id', size: PAGE, view: (rows) => rows.map(viewOf) })
}

const KEPT_DAYS = 180
/** Kept per account and outcome, so that refusals that others cause do not push out anything else. */
const KEPT_EACH = 500

/** Deletes old events, and the surplus of each account that had events recently. */
export async function forgetSecurityEvents(db: Database, now: Date): Promise<void> {
  const ago = (hours: number) => new Date(now.getTime() - hours * 3_600_000)
  await db
    .deleteFrom('security_events')
    .where('at', '<', ago(KEPT_DAYS * 24))
    .execute()
  await db
    .with('counted', (of) =>
      of
        .selectFrom('security_events')
        .select((of) => [
          'id',
          of.fn
            .agg<number>('row_number')
            .over((over) => over.partitionBy(['user_id', 'outcome']).orderBy('id', 'desc'))
            .as('place'),
        ])
        .where('user_id', 'in', (active) =>
          active.selectFrom('security_events').select('user_id').where('at', '>', ago(25)),
        ),
    )
    .deleteFrom('security_events')
    .where('id', 'in', (of) => of.selectFrom('counted').select('id').where('place', '>', KEPT_EACH))
    .execute()
}
