/**
 * Payment settings in the owner's back office: listing, checking, storing, replacing and removing them.
 */
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { adminAction } from '../../admin/action.ts'
import { staffOf } from '../../admin/admin-routes.ts'
import { requireCredentialProof } from '../../auth/credential-proof.ts'
import { securityEvent } from '../../auth/security-log/security-log.ts'
import type { Config, Environment } from '../../config.ts'
import { SettingError } from '../../config.ts'
import type { DescribedResult } from '../../diagnostics.ts'
import { type Language, ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { IdempotencyHeader } from '../../http/idempotency.ts'
import { requestLanguage } from '../../http/problem.ts'
import { problems, WholeList, wholeList } from '../../http/shapes.ts'
import type { Payments } from '../payments.ts'
import { configWith, isSetUp, showSettings } from '../providers/definition.ts'
import { METHODS, type Method, PayType } from '../providers/methods.ts'
import { retireSettings, storeSettings } from './entered-settings.ts'
import { addForgetRoute, addGiveUpRoute } from './give-up-routes.ts'
import { readSettings, type SettingsAdmin, SettingsShape } from './settings-view.ts'

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

const Params = Type.Object({ provider: PayType })
const Values = Type.Record(Type.String(), Type.String({ maxLength: 16_000 }), { maxProperties: 20 })

/** Large enough for a certificate chain and all other fields. */
const KEYS_BODY_LIMIT = 128 * 1024

/** Prefixes of results that do not depend on the keys: the network, the clock, the notify address. */
const OUTSIDE = ['NO_ANSWER', 'CLOCK', 'NOTIFY_']

export function addSettingsAdminRoutes(admin: Application, settings: SettingsAdmin): void {
  admin.addSchema(SettingsShape)
  admin.addSchema(FindingShape)
  addListRoute(admin, settings)
  addStoreRoute(admin, settings)
  addRemoveRoute(admin, settings)
  addForgetRoute(admin, settings)
  addGiveUpRoute(admin, settings)
}

const tags = ['back office: settings']
const right = { right: 'settings.write' } as const

function addListRoute(admin: Application, settings: SettingsAdmin): void {
  admin.get(
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
      const language = requestLanguage(request)
      return wholeList(await Promise.all(METHODS.map((method) => readSettings(settings, method, language))))
    },
  )
}

function addStoreRoute(admin: Application, settings: SettingsAdmin): void {
  const { config, payments } = settings

  admin.post(
    '/payment-settings/:provider',
    {
      config: { ...right, proof: 'sometimes' },
      bodyLimit: KEYS_BODY_LIMIT,
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
      const language = requestLanguage(request)
      const { provider } = request.params as Static<typeof Params>
      const method = changeable(provider, config)
      const { values: given, onlyCheck, despite } = request.body
      if (!onlyCheck) requireCredentialProof(staff, payments.clock())
      const values = checkedValues(method, given, language)
      const { findings, real } = await checked(method, configWith(config, values, method.fields), payments, language)
      const blocked = whatBlocks(findings)
      const stored = !onlyCheck && (blocked === 'no' || (blocked === 'outside' && despite === true))
      // Once stored, they make the shop live, and a live shop refuses the demo password with which this person is
      // logged in.
      if (stored && real && staff.byDemoPassword) throw new ShopError('OWN_PASSWORD_FIRST')
      if (stored) await store(settings, request, { method, values, real })
      return { stored, blocked, findings, settings: await readSettings(settings, method, language) }
    },
  )
}

/** Stores checked settings, once per idempotency key and with an audit entry, and puts them to use. */
async function store(
  { keeper, encryption, payments }: SettingsAdmin,
  request: FastifyRequest,
  { method, values, real }: { method: Method; values: Environment; real: boolean },
): Promise<void> {
  const provider = method.name
  const shown = showSettings(method.fields, values)
  await adminAction(payments, {
    request,
    sameWhen: { provider, shown },
    work: ({ tx, staff, now }) => {
      return storeSettings(tx, encryption, { method, values, real, userId: staff.user.id, now })
    },
    audit: (former) => ({
      action: 'settings.store',
      subject: `payment-settings/${provider}`,
      before: { shown: former ?? null },
      after: { shown },
      sensitive: true,
    }),
    view: () => ({}),
  })
  await keeper.refresh()
  const { user, sessionId } = staffOf(request)
  const done = { event: 'payment-keys.changed', outcome: 'ok', reason: provider } as const
  securityEvent(request, { ...done, userId: user.id, session: sessionId })
}

function addRemoveRoute(admin: Application, settings: SettingsAdmin): void {
  const { config, keeper, payments } = settings

  admin.post(
    '/payment-settings/:provider/remove',
    {
      config: { ...right, security: 'payment-keys.removed', proof: true },
      schema: {
        tags,
        summary: 'Take the entered settings out of use; what was paid with them is still asked about and refunded',
        params: Params,
        response: { 200: Type.Ref('PaymentSettings'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { provider } = request.params as Static<typeof Params>
      const method = changeable(provider, config)
      await adminAction(payments, {
        request,
        work: async ({ tx, now }) => {
          const shown = await retireSettings(tx, provider, now)
          if (!shown) throw new ShopError('NOT_FOUND')
          return shown
        },
        audit: (shown) => {
          const subject = `payment-settings/${provider}`
          return { action: 'settings.remove', subject, before: { shown }, after: { shown: null } }
        },
      })
      await keeper.refresh()
      return readSettings(settings, method, requestLanguage(request))
    },
  )
}

/** @throws ShopError NOT_FOUND; SETTINGS_FROM_ENVIRONMENT where entering any would change nothing */
function changeable(provider: string, config: Config): Method {
  const method = METHODS.find(({ name }) => name === provider)
  if (!method) throw new ShopError('NOT_FOUND')
  if (isSetUp(method, config.environment)) throw new ShopError('SETTINGS_FROM_ENVIRONMENT')
  return method
}

/** Only the form's own fields, each in its format. @throws ShopError INVALID_INPUT naming those that are not */
function checkedValues(method: Method, given: Readonly<Record<string, string>>, language: Language): Environment {
  const say = (zh: string, en: string) => (language === 'en' ? en : zh)
  const certificates = method.fields.some(({ group, name }) => group === 'certificates' && given[name]?.trim())
  const group = certificates ? 'certificates' : 'public key'
  const values: Record<string, string> = {}
  const errors: { field: string; message: string }[] = []
  for (const field of method.fields) {
    if (field.group && field.group !== group) continue
    const value = given[field.name]?.trim() ?? ''
    if (value === '') {
      if (!field.optional) errors.push({ field: field.name, message: say('请填写', 'is missing') })
    } else if (field.pattern && !field.pattern.test(value)) {
      errors.push({ field: field.name, message: field.wrong?.[language] ?? say('格式不对', 'does not look like one') })
    } else values[field.name] = value
  }
  if (errors.length > 0) throw new ShopError('INVALID_INPUT', { errors })
  return values
}

async function checked(
  method: Method,
  config: Config,
  { clock, log }: Payments,
  language: Language,
): Promise<{ readonly findings: DescribedResult[]; readonly real: boolean }> {
  try {
    const findings = await method.check(config, clock, language)
    // Settings that cannot be opened must never be stored, whatever the check results say.
    const instance = whatBlocks(findings) === 'keys' ? undefined : method.open(config, clock, log)
    return { findings, real: instance?.real !== false }
  } catch (error) {
    if (!(error instanceof SettingError)) throw error
    throw new ShopError('INVALID_INPUT', { errors: [{ field: error.setting, message: error.message }] })
  }
}

function whatBlocks(findings: readonly DescribedResult[]): 'no' | 'outside' | 'keys' {
  const bad = findings.filter(({ verdict }) => verdict === 'problem' || verdict === 'unknown')
  if (bad.length === 0) return 'no'
  const outside = ({ code, verdict }: DescribedResult) =>
    verdict === 'unknown' || OUTSIDE.some((prefix) => code.startsWith(prefix))
  return bad.every(outside) ? 'outside' : 'keys'
}
