/** Alipay's two routes: for its notifications, and for buyers whom it sends back. */
import { Type } from 'typebox'
import { ShopError } from '../../../errors.ts'
import type { Application } from '../../../http/application.ts'
import { problems } from '../../../http/shapes.ts'
import { readOrder } from '../../../orders/read.ts'
import type { PaymentProvider } from '../../contract.ts'
import { queryQuietly } from '../../gateway-sync/query.ts'
import type { Payments } from '../../payments.ts'
import { isTrial } from '../../trials/trials.ts'
import { addNotifyRoute } from '../notify-route.ts'
import type { AlipayProvider } from './provider.ts'

export function addAlipayRoutes(
  app: Application,
  payments: Payments,
  live: PaymentProvider,
  instances: () => readonly AlipayProvider[],
): void {
  addNotifyRoute(app, '/api/payments/alipay/notify', payments, () => live, {
    accepted: (reply) => reply.type('text/plain; charset=utf-8').send('success'),
    refused: (reply) => reply.code(400).type('text/plain; charset=utf-8').send('fail'),
  })

  app.post(
    '/api/payments/alipay/return',
    {
      config: { access: 'account', priority: 'payment' },
      bodyLimit: 16 * 1024,
      schema: {
        tags: ['orders'],
        summary: 'Verifies the parameters of the return address, then queries the gateway',
        body: Type.Record(Type.String(), Type.String({ maxLength: 2048 }), { maxProperties: 40 }),
        response: { 200: Type.Ref('Order'), ...problems(400, 401, 404) },
      },
    },
    async (request) => {
      const { user } = await payments.principals.require(request)
      const attemptNo = await returnedAttempt(new URLSearchParams(request.body).toString(), instances())
      if (attemptNo === undefined) throw new ShopError('RETURN_NOT_VERIFIED')
      const attempt = await findAttempt(payments, user.id, attemptNo)
      if (attempt.status !== 'paid') await queryQuietly(payments, attempt)
      return readOrder(payments.db, user.id, attempt.order_no)
    },
  )
}

/** The attempt that a genuine return is about, paid at any of our merchants. */
async function returnedAttempt(query: string, instances: readonly AlipayProvider[]): Promise<string | undefined> {
  for (const { client, settings } of instances) {
    const returned = await client.verifyReturn(query)
    if (returned.ok && returned.appId === settings.appId && returned.sellerId === settings.sellerId) {
      return returned.outTradeNo
    }
  }
  return undefined
}

async function findAttempt(payments: Payments, userId: number, attemptNo: string) {
  const attempt = await payments.db
    .selectFrom('payment_attempts')
    .innerJoin('orders', 'orders.id', 'payment_attempts.order_id')
    .select(['payment_attempts.provider', 'payment_attempts.attempt_no', 'payment_attempts.merchant'])
    .select(['orders.order_no', 'payment_attempts.status'])
    .where('payment_attempts.attempt_no', '=', attemptNo)
    .where('orders.user_id', '=', userId)
    .executeTakeFirst()
  if (!attempt) throw new ShopError((await isTrial(payments.db, attemptNo)) ? 'RETURN_OF_TRIAL' : 'ORDER_NOT_FOUND')
  return attempt
}
