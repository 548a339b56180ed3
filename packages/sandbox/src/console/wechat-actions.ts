/** The console's form actions for WeChat Pay. Each redirects to the page it came from. */
import type { FastifyInstance } from 'fastify'
import { replay } from '../core/notifications/notifications.ts'
import type { Sandbox } from '../sandbox.ts'

/** The share that a new certificate signs until it signs everything, in per cent. */
const FIRST_SHARE = 50

export function wechatActions(app: FastifyInstance, sandbox: Sandbox): void {
  const { deliveries, notifications, merchants, certificates } = sandbox.wechat

  app.post<{ Params: { id: string } }>('/console/wechat/deliveries/:id/replay', async (request, reply) => {
    const delivery = deliveries.find(Number(request.params.id) || 0)
    if (delivery) await replay(notifications, delivery)
    return reply.redirect(`/console/wechat/deliveries/${Number(request.params.id)}`, 303)
  })

  // Two clicks make a rotation: after the first the new certificate signs half, after the second everything.
  app.post<{ Params: { mchId: string } }>('/console/wechat/merchants/:mchId/rotate', async (request, reply) => {
    const merchant = merchants.find(request.params.mchId)
    if (merchant?.keyMode === 'certificate') {
      const [newest, older] = certificates.list(merchant.mchId)
      if (newest && older && newest.share < 100) certificates.share(merchant.mchId, 100)
      else await certificates.issue(merchant.mchId, FIRST_SHARE)
      sandbox.changed()
    }
    return reply.redirect('/console/accounts', 303)
  })
}
