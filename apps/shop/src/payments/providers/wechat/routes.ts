/** The one address of WeChat Pay: where it notifies. Only the status counts; the body is for people. */
import type { Application } from '../../../http/application.ts'
import type { Payments } from '../../payments.ts'
import { addNotifyRoute } from '../notify-route.ts'
import type { PaymentProvider } from '../provider.ts'

export function addWechatRoutes(app: Application, payments: Payments, live: PaymentProvider): void {
  addNotifyRoute(app, '/api/payments/wechat/notify', payments, () => live, {
    accepted: (reply) => reply.code(204).send(),
    refused: (reply) => reply.code(400).send({ code: 'FAIL', message: '未通过校验 Not accepted' }),
  })
}
