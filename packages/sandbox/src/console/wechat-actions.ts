/** What the console's forms do for WeChat Pay. Each goes back to the page it came from. */
import type { FastifyInstance } from 'fastify'
import type { Sandbox } from '../sandbox.ts'

/** How much a new certificate signs until it is let sign all, in per cent. */
const FIRST_SHARE = 50

export function wechatActions(app: FastifyInstance, sandbox: Sandbox): void {
  const { deliveries, notifications, merchants, certificates } = sandbox.wechat

  app.post<{ Params: { id: string } }>('/console/wechat/deliveries/:id/replay', async (request, reply) => {
    const delivery = deliveries.find(Number(request.params.id) || 0)
    if (delivery) await notifications.replay(delivery)
    return reply.redirect(`/console/wechat/deliveries/${Number(request.params.id)}`, 303)
  })

  // Two presses make a rotation: the first has the new certificate sign half, the second all.
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
