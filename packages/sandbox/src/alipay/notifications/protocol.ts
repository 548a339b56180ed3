/** How Alipay sends notifications: as signed forms, which a shop acknowledges with `success`. */
import type { Faults } from '../../core/faults/faults.ts'
import { TAMPERS, type Tamper } from '../../core/faults/tamper.ts'
import type { Protocol } from '../../core/notifications/notifications.ts'
import type { Merchants } from '../merchants.ts'
import { fieldNamed, notificationBody } from './message.ts'
import { acknowledges, nextAttempt } from './schedule.ts'

export const alipayProtocol = (merchants: Merchants, faults: Faults): Protocol<Tamper> => ({
  kind: 'deliver',
  async message({ appId, fields }, at, tamper) {
    const merchant = merchants.find(appId)
    if (!merchant) throw new Error(`merchant ${appId} is gone`)
    const headers = {
      'content-type': `application/x-www-form-urlencoded;charset=${fieldNamed(fields, 'charset')}`,
      'user-agent': 'Mozilla/4.0 (xuecheng-sandbox)',
      connection: 'keep-alive',
    }
    return { headers, body: Buffer.from(await notificationBody(fields, merchant, at, tamper), 'latin1') }
  },
  acknowledges: ({ status, body, error }) => acknowledges(status, body) && error === '',
  nextAttempt,
  tamper: (delivery) => TAMPERS.find((kind) => faults.strike([kind], delivery)),
})
