/** What the owner's back office shows of a method's payment settings: where they come from, masked, and what waits for them. */
import { type Static, Type } from 'typebox'
import type { Config } from '../../config.ts'
import type { Reader } from '../../db/connect.ts'
import type { Encryption } from '../../encryption.ts'
import type { Language } from '../../errors.ts'
import { Moment, writeMoment, writeMomentOrNull } from '../../http/shapes.ts'
import type { Payments } from '../payments.ts'
import { type Method, PayType } from '../providers/methods.ts'
import type { Providers } from '../providers/registry.ts'
import type { SettingsKeeper } from './entered-settings.ts'
import { type Unsettled, unsettled } from './unsettled.ts'

export interface SettingsAdmin {
  readonly config: Config
  readonly providers: Providers
  readonly keeper: SettingsKeeper
  readonly encryption: Encryption
  readonly payments: Payments
}

const Shown = Type.Array(Type.Object({ name: Type.String(), value: Type.String(), ends: Type.Optional(Type.String()) }))
const MomentOrNull = Type.Union([Moment, Type.Null()])

/** How many payments may still turn out to be paid, and how many refunds are undecided or under way. */
const UnsettledShape = Type.Object({ payments: Type.Integer(), refunds: Type.Integer() })

export const SettingsShape = Type.Object(
  {
    provider: PayType,
    source: Type.Union([Type.Enum(['environment', 'entered', 'sandbox']), Type.Null()]),
    fields: Type.Array(
      Type.Object({
        name: Type.String({ description: 'As in the environment' }),
        label: Type.String({ description: "In the reader's language" }),
        hint: Type.String(),
        kind: Type.Enum(['text', 'secret', 'private key', 'public key']),
        group: Type.Union([Type.Enum(['public key', 'certificates']), Type.Null()]),
        optional: Type.Boolean(),
        usual: Type.String(),
      }),
    ),
    entered: Type.Array(
      Type.Object({
        id: Type.Integer(),
        shown: Shown,
        enteredAt: Moment,
        enteredBy: Type.String(),
        retiredAt: MomentOrNull,
        readable: Type.Boolean(),
        unsettled: UnsettledShape,
      }),
    ),
    blocked: Type.Boolean({
      description:
        'The settings in use cannot be read: the method takes no payments until they can, or others are entered',
    }),
    unknown: Type.Object(UnsettledShape.properties, {
      description: 'Unsettled at merchants whose settings the shop no longer has',
    }),
  },
  { $id: 'PaymentSettings' },
)

export async function readSettings(
  settings: SettingsAdmin,
  method: Method,
  language: Language,
): Promise<Static<typeof SettingsShape>> {
  const { providers, keeper, payments } = settings
  const rows = await payments.db
    .selectFrom('payment_settings')
    .innerJoin('users', 'users.id', 'payment_settings.entered_by')
    .select(['payment_settings.id', 'shown', 'entered_at', 'retired_at', 'users.username'])
    .where('provider', '=', method.name)
    .orderBy('payment_settings.id', 'desc')
    .execute()
  const unknown = await unsettledElsewhere(settings, method.name)
  const without = await Promise.all(rows.map(({ id }) => unsettledOnlyAt(settings, method.name, id)))
  return {
    provider: method.name,
    source: providers.sourceOf(method.name) ?? null,
    fields: method.fields.map(({ name, label, hint, kind, group, optional, usual }) => ({
      name,
      label: label[language],
      hint: hint?.[language] ?? '',
      kind,
      group: group ?? null,
      optional: optional === true,
      usual: usual ?? '',
    })),
    blocked: providers.isBlocked(method.name),
    unknown: counted(unknown),
    entered: rows.map((row, index) => ({
      id: row.id,
      shown: row.shown,
      enteredAt: writeMoment(row.entered_at),
      enteredBy: row.username,
      retiredAt: writeMomentOrNull(row.retired_at),
      readable: !keeper.unreadable.has(row.id),
      unsettled: counted(without[index] ?? unknown),
    })),
  }
}

/** What is unsettled at merchants whose settings the shop no longer has. */
export function unsettledElsewhere({ providers, payments }: SettingsAdmin, provider: string, db: Reader = payments.db) {
  const known = providers.merchantsWithout(provider)
  return unsettled(db, provider, { elsewhere: known, unrecorded: known.length === 0 })
}

/** What is unsettled at the merchant that only these settings make known. */
export function unsettledOnlyAt(
  { providers, payments }: SettingsAdmin,
  provider: string,
  stored: number,
  db: Reader = payments.db,
) {
  const left = providers.merchantsWithout(provider, stored)
  const at = providers.merchantsWithout(provider).filter((merchant) => !left.includes(merchant))
  return unsettled(db, provider, { at, unrecorded: at.length > 0 && left.length === 0 })
}

export const hasUnreadable = async ({ keeper, payments }: SettingsAdmin, provider: string): Promise<boolean> =>
  (await payments.db.selectFrom('payment_settings').select('id').where('provider', '=', provider).execute()).some(
    ({ id }) => keeper.unreadable.has(id),
  )

const counted = ({ payments, refunds }: Unsettled) => ({ payments: payments.length, refunds: refunds.length })
