/** WeChat Pay's only route, for its notifications. The gateway reads only the status of an answer; the body is for people. */
import type { Application } from '../../../http/application.ts'
import type { PaymentProvider } from '../../contract.ts'
import type { Payments } from '../../payments.ts'
import { addNotifyRoute } from '../notify-route.ts'

export function addWechatRoutes(app: Application, payments: Payments, live: PaymentProvider): void {
  addNotifyRoute(app, '/api/payments/wechat/notify', payments, () => live, {
    accepted: (reply) => reply.code(204).send(),
    refused: (reply) => reply.code(400).send({ code: 'FAIL', message: '未通过校验 Not accepted' }),
  })
}
