/** Trial payments in the back office: start one, watch its steps. */
import { type Static, Type } from 'typebox'
import { adminAction } from '../../admin/action.ts'
import type { Application } from '../../http/application.ts'
import { IdempotencyHeader } from '../../http/idempotency.ts'
import { Moment, Money, problems, WholeList, wholeList } from '../../http/shapes.ts'
import type { Payments } from '../payments.ts'
import { PayType } from '../providers/methods.ts'
import {
  ADVICE,
  listTrials,
  OUTCOMES,
  readTrial,
  STEP_STATES,
  startTrial,
  TRIAL_DEVICES,
  TRIAL_STEPS,
} from './trials.ts'

const TextOrNull = Type.Union([Type.String(), Type.Null()])

const TrialShape = Type.Object(
  {
    number: Type.String({ description: 'What the gateway knows it by' }),
    payType: Type.String(),
    amount: Money,
    startedAt: Moment,
    startedBy: Type.String(),
    expiresAt: Moment,
    payUrl: TextOrNull,
    codeUrl: TextOrNull,
    scanUrl: Type.Union([Type.String(), Type.Null()], {
      description: 'Where a sandbox takes the code without a phone',
    }),
    outcome: Type.Enum([...OUTCOMES]),
    steps: Type.Array(
      Type.Object({
        step: Type.Enum([...TRIAL_STEPS]),
        state: Type.Enum([...STEP_STATES]),
        at: Type.Union([Moment, Type.Null()]),
        seen: TextOrNull,
        advice: Type.Union([Type.Enum([...ADVICE]), Type.Null()]),
        notificationId: Type.Union([Type.Integer(), Type.Null()]),
        failedCheck: Type.Union([Type.String(), Type.Null()], { description: 'Of the notification' }),
      }),
    ),
  },
  { $id: 'TrialPayment' },
)

export function addTrialAdminRoutes(admin: Application, payments: Payments): void {
  admin.addSchema(TrialShape)
  const tags = ['back office: settings']

  admin.get(
    '/trial-payments',
    {
      config: { right: 'settings.read' },
      schema: {
        tags,
        summary: 'The last trial payments, newest first',
        response: { 200: WholeList('TrialPayment'), ...problems(401, 403) },
      },
    },
    async () => wholeList(await listTrials(payments)),
  )

  admin.post(
    '/trial-payments',
    {
      config: { right: 'settings.write' },
      schema: {
        tags,
        summary: 'Start a payment of 0.01 that proves link, notification, query and refund; it always goes back',
        headers: IdempotencyHeader,
        body: Type.Object(
          {
            payType: PayType,
            device: Type.Optional(
              Type.Enum([...TRIAL_DEVICES], { description: 'Which product is tried, if phones have another one' }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 201: Type.Ref('TrialPayment'), ...problems(401, 403, 409, 422) },
      },
    },
    async (request, reply) => {
      const { payType, device = 'computer' } = request.body
      const number = await adminAction(payments, {
        request,
        work: ({ tx, staff }) => {
          const client = { device, address: request.ip }
          return startTrial(tx, payments, { payType, client, userId: staff.user.id })
        },
        audit: (started) => {
          const after = { payType, device, fen: 1 }
          return { action: 'trial.start', subject: `trial-payments/${started}`, after }
        },
        view: (started) => started,
      })
      return reply.code(201).send(await readTrial(payments, number))
    },
  )

  const Params = Type.Object({ number: Type.String({ minLength: 1, maxLength: 64 }) })
  admin.get(
    '/trial-payments/:number',
    {
      config: { right: 'settings.read' },
      schema: { tags, params: Params, response: { 200: Type.Ref('TrialPayment'), ...problems(401, 403, 404) } },
    },
    async (request) => readTrial(payments, (request.params as Static<typeof Params>).number),
  )
}
