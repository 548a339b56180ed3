/** Payment settings at the owner's desk: what is in use, masked; a check in words; stored, replaced, taken away. */
import { type Static, Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import type { Config, Environment } from '../config.ts'
import { SettingError } from '../config.ts'
import { type Language, readerLanguage, ShopError } from '../errors.ts'
import type { SaidFinding } from '../finding.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { Moment, problems, WholeList, wholeList, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import type { Seal } from '../sealed.ts'
import { forgetSettings, retireSettings, type SettingsKeeper, storeSettings } from './entered-settings.ts'
import type { Payments } from './payments.ts'
import { configWith, type ProviderKind, showSettings } from './providers/kind.ts'
import { PAY_TYPES } from './providers/names.ts'
import { KINDS, kindNamed, type Providers } from './providers/registry.ts'

const Shown = Type.Array(Type.Object({ name: Type.String(), value: Type.String(), ends: Type.Optional(Type.String()) }))
const MomentOrNull = Type.Union([Moment, Type.Null()])

const SettingsShape = Type.Object(
  {
    provider: Type.Enum([...PAY_TYPES]),
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
      }),
    ),
  },
  { $id: 'PaymentSettings' },
)

const FindingShape = Type.Object(
  {
    check: Type.String(),
    code: Type.String(),
    verdict: Type.Enum(['ok', 'warning', 'problem', 'unknown', 'unchecked']),
    message: Type.String({ description: "In the reader's language" }),
    todo: Type.Optional(Type.String()),
  },
  { $id: 'SettingFinding' },
)

const Params = Type.Object({ provider: Type.Enum([...PAY_TYPES]) })
const Id = Type.Object({ id: Type.Integer({ minimum: 1 }) })
const Values = Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 16_000 }), { maxProperties: 20 })

/** What may be wrong while the keys are right: the network, the clock, the way from outside. */
const OUTSIDE = ['NO_ANSWER', 'CLOCK', 'NOTIFY_']

export interface SettingsDesk {
  readonly config: Config
  readonly providers: Providers
  readonly keeper: SettingsKeeper
  readonly seal: Seal
  readonly payments: Payments
}

export function addSettingsDesk(desk: Application, { config, providers, keeper, seal, payments }: SettingsDesk): void {
  desk.addSchema(SettingsShape)
  desk.addSchema(FindingShape)
  const { db, clock } = payments
  const tags = ['desk: settings']
  const right = { right: 'settings.write' } as const

  const view = async (kind: ProviderKind, language: Language): Promise<Static<typeof SettingsShape>> => {
    const rows = await db
      .selectFrom('payment_settings')
      .innerJoin('users', 'users.id', 'payment_settings.entered_by')
      .select(['payment_settings.id', 'shown', 'entered_at', 'retired_at', 'users.username'])
      .where('provider', '=', kind.name)
      .orderBy('payment_settings.id', 'desc')
      .execute()
    return {
      provider: kind.name,
      source: providers.sourceOf(kind.name) ?? null,
      fields: kind.fields.map(({ name, label, hint, kind: sort, group, optional, usual }) => ({
        name,
        label: label[language],
        hint: hint?.[language] ?? '',
        kind: sort,
        group: group ?? null,
        optional: optional === true,
        usual: usual ?? '',
      })),
      entered: rows.map((row) => ({
        id: row.id,
        shown: row.shown,
        enteredAt: writeMoment(row.entered_at),
        enteredBy: row.username,
        retiredAt: writeMomentOrNull(row.retired_at),
        readable: !keeper.unreadable.has(row.id),
      })),
    }
  }

  /** What does not open any more is no key. */
  const hasOthers = (provider: string, stored: readonly number[]): boolean => {
    const source = providers.sourceOf(provider)
    return source === 'environment' || source === 'sandbox' || stored.some((id) => !keeper.unreadable.has(id))
  }

  desk.get(
    '/payment-settings',
    {
      config: { right: 'settings.read' },
      schema: {
        tags,
        summary: 'Each pay method: where its settings come from, its form, and what was entered, masked',
        response: { 200: WholeList('PaymentSettings'), ...problems(401, 403) },
      },
    },
    async (request) => {
      const language = readerLanguage(request.headers['accept-language'])
      return wholeList(await Promise.all(KINDS.map((kind) => view(kind, language))))
    },
  )

  desk.post(
    '/payment-settings/:provider',
    {
      config: right,
      schema: {
        tags,
        summary: 'Examine settings in words, and store them if nothing is wrong; `onlyCheck` stores nothing',
        params: Params,
        headers: IdempotencyHeader,
        body: Type.Object(
          {
            values: Values,
            onlyCheck: Type.Optional(Type.Boolean()),
            despite: Type.Optional(
              Type.Boolean({
                description: 'Store them although the network, the clock or the notify address is not right',
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            stored: Type.Boolean(),
            blocked: Type.Enum(['no', 'outside', 'keys']),
            findings: Type.Array(Type.Ref('SettingFinding')),
            settings: Type.Ref('PaymentSettings'),
          }),
          ...problems(401, 403, 404, 409, 422),
        },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const language = readerLanguage(request.headers['accept-language'])
      const { provider } = request.params as Static<typeof Params>
      const kind = changeable(provider, config)
      const { values: given, onlyCheck, despite } = request.body
      const values = checkedValues(kind, given, language)
      const findings = await examined(kind, configWith(config, values), payments, language)
      const blocked = whatBlocks(findings)
      const stored = !onlyCheck && (blocked === 'no' || (blocked === 'outside' && despite === true))
      const now = clock()
      const shown = showSettings(kind.fields, values)
      if (stored) {
        await db.transaction().execute((tx) =>
          once(tx, staff.user.id, repeatable(request, { provider, shown }), now, async () => {
            const former = await storeSettings(tx, seal, { kind, values, userId: staff.user.id, now })
            const subject = `payment-settings/${provider}`
            const before = { shown: former ?? null }
            await audit(tx, staff, { at: now, action: 'settings.store', subject, before, after: { shown } })
            return {}
          }),
        )
        await keeper.refresh()
      }
      return { stored, blocked, findings, settings: await view(kind, language) }
    },
  )

  desk.post(
    '/payment-settings/:provider/remove',
    {
      config: right,
      schema: {
        tags,
        summary: 'Take the entered settings out of use; what was paid with them is still asked about and refunded',
        params: Params,
        response: { 200: Type.Ref('PaymentSettings'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const { provider } = request.params as Static<typeof Params>
      const kind = changeable(provider, config)
      const now = clock()
      await db.transaction().execute(async (tx) => {
        const shown = await retireSettings(tx, provider, now)
        if (!shown) throw new ShopError('NOT_FOUND')
        const deed = { at: now, action: 'settings.remove', subject: `payment-settings/${provider}` }
        await audit(tx, staff, { ...deed, before: { shown }, after: { shown: null } })
      })
      await keeper.refresh()
      return view(kind, readerLanguage(request.headers['accept-language']))
    },
  )

  desk.post(
    '/payment-settings/former/:id/forget',
    {
      config: right,
      schema: {
        tags,
        summary: 'Delete former settings for good, once nothing paid with them can be refunded any more',
        params: Id,
        response: { 200: Type.Object({ forgotten: Type.Boolean() }), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const { id } = request.params as Static<typeof Id>
      await db.transaction().execute(async (tx) => {
        const gone = await forgetSettings(tx, id, hasOthers)
        if (!gone) throw new ShopError('NOT_FOUND')
        const deed = { at: clock(), action: 'settings.forget', subject: `payment-settings/${gone.provider}` }
        await audit(tx, staff, { ...deed, before: { id, shown: gone.shown } })
      })
      await keeper.refresh()
      return { forgotten: true }
    },
  )
}

/** @throws ShopError NOT_FOUND; SETTINGS_FROM_ENVIRONMENT where entering any would change nothing */
function changeable(provider: string, config: Config): ProviderKind {
  const kind = kindNamed(provider)
  if (!kind) throw new ShopError('NOT_FOUND')
  if (kind.isSetUp(config.environment)) throw new ShopError('SETTINGS_FROM_ENVIRONMENT')
  return kind
}

/** Only the form's own fields, each of its shape. @throws ShopError INVALID_INPUT naming those that are not */
function checkedValues(kind: ProviderKind, given: Readonly<Record<string, string>>, language: Language): Environment {
  const say = (zh: string, en: string) => (language === 'en' ? en : zh)
  const certificates = kind.fields.some(({ group, name }) => group === 'certificates' && given[name]?.trim())
  const group = certificates ? 'certificates' : 'public key'
  const values: Record<string, string> = {}
  const errors: { field: string; message: string }[] = []
  for (const field of kind.fields) {
    if (field.group && field.group !== group) continue
    const value = given[field.name]?.trim() ?? ''
    if (value === '') {
      if (!field.optional) errors.push({ field: field.name, message: say('请填写', 'is missing') })
    } else if (field.pattern && !field.pattern.test(value)) {
      errors.push({ field: field.name, message: say('格式不对', 'does not look like one') })
    } else values[field.name] = value
  }
  if (errors.length > 0) throw new ShopError('INVALID_INPUT', { errors })
  return values
}

async function examined(
  kind: ProviderKind,
  config: Config,
  { clock, log }: Payments,
  language: Language,
): Promise<SaidFinding[]> {
  try {
    const findings = await kind.examine(config, clock, language)
    // Whatever the words say: what cannot be opened must never be stored.
    if (whatBlocks(findings) !== 'keys') kind.open(config, clock, log)
    return findings
  } catch (error) {
    if (!(error instanceof SettingError)) throw error
    throw new ShopError('INVALID_INPUT', { errors: [{ field: error.setting, message: error.message }] })
  }
}

function whatBlocks(findings: readonly SaidFinding[]): 'no' | 'outside' | 'keys' {
  const bad = findings.filter(({ verdict }) => verdict === 'problem' || verdict === 'unknown')
  if (bad.length === 0) return 'no'
  const outside = ({ code, verdict }: SaidFinding) =>
    verdict === 'unknown' || OUTSIDE.some((prefix) => code.startsWith(prefix))
  return bad.every(outside) ? 'outside' : 'keys'
}
