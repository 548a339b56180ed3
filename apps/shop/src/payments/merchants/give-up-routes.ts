/** Deleting retired payment settings, and giving up the payments that only they could have asked about. */
import { type Static, Type } from 'typebox'
import { adminAction } from '../../admin/action.ts'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { requestLanguage } from '../../http/problem.ts'
import { problems } from '../../http/shapes.ts'
import { METHODS, PayType } from '../providers/methods.ts'
import { forgetSettings } from './entered-settings.ts'
import {
  hasUnreadable,
  readSettings,
  type SettingsAdmin,
  unsettledElsewhere,
  unsettledOnlyAt,
} from './settings-view.ts'
import { giveUpPayments } from './unsettled.ts'

const tags = ['back office: settings']
const right = { right: 'settings.write' } as const
const Params = Type.Object({ provider: PayType })
const Id = Type.Object({ id: Type.Integer({ minimum: 1 }) })

export function addForgetRoute(admin: Application, settings: SettingsAdmin): void {
  const { keeper, payments } = settings

  admin.post(
    '/payment-settings/former/:id/forget',
    {
      config: { ...right, security: 'payment-keys.removed', proof: true },
      schema: {
        tags,
        summary: 'Delete former settings for good, once nothing paid with them can be refunded any more',
        params: Id,
        body: Type.Union([
          Type.Null(),
          Type.Object(
            { giveUp: Type.Optional(Type.Boolean({ description: 'Give up the payments that are unsettled there' })) },
            { additionalProperties: false },
          ),
        ]),
        response: { 200: Type.Object({ forgotten: Type.Boolean() }), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { id } = request.params as Static<typeof Id>
      const giveUp = (request.body as { giveUp?: boolean } | null)?.giveUp === true
      await adminAction(payments, {
        request,
        work: async ({ tx, staff, now }) => {
          // Read with the rows locked: another process may have deleted the other settings of that merchant.
          const onlyTheirs = async (provider: string) => {
            await keeper.refresh()
            return unsettledOnlyAt(settings, provider, id, tx)
          }
          const gone = await forgetSettings(tx, { id, giveUp, userId: staff.user.id, now }, onlyTheirs)
          if (!gone) throw new ShopError('NOT_FOUND')
          return gone
        },
        audit: ({ provider, shown, givenUp }) => {
          const subject = `payment-settings/${provider}`
          return { action: 'settings.forget', subject, before: { id, shown }, after: { givenUp } }
        },
      })
      await keeper.refresh()
      return { forgotten: true }
    },
  )
}

export function addGiveUpRoute(admin: Application, settings: SettingsAdmin): void {
  const { keeper, payments } = settings

  admin.post(
    '/payment-settings/:provider/give-up',
    {
      config: { ...right, proof: true },
      schema: {
        tags,
        summary: 'Give up the payments opened at merchants whose settings the shop no longer has',
        params: Params,
        response: { 200: Type.Ref('PaymentSettings'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { provider } = request.params as Static<typeof Params>
      const method = METHODS.find(({ name }) => name === provider)
      if (!method) throw new ShopError('NOT_FOUND')
      // Stored by another process just now, they may be known again.
      await keeper.refresh()
      await adminAction(payments, {
        request,
        work: async ({ tx, staff, now }) => {
          const lost = await unsettledElsewhere(settings, provider, tx)
          if (lost.payments.length === 0) throw new ShopError('NOT_FOUND')
          // They may have been opened with the settings that cannot be read now.
          if (await hasUnreadable(settings, provider)) throw new ShopError('SETTINGS_STILL_NEEDED')
          await giveUpPayments(tx, lost, { now, userId: staff.user.id })
          return lost.payments
        },
        audit: (givenUp) => {
          return { action: 'settings.give-up', subject: `payment-settings/${provider}`, after: { givenUp } }
        },
      })
      return readSettings(settings, method, requestLanguage(request))
    },
  )
}
