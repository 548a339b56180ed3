/** Notifications that a test signs itself, as Alipay or as somebody else would: only OpenSSL, none of the product's code. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export const strangersKey = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

/** Alipay's own key, out of the sandbox's store, so that a test can say anything in its name. */
export const readKey = (base64: string): KeyObject =>
  createPrivateKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'pkcs8' })

export function signedNotification(
  key: KeyObject,
  fields: Readonly<Record<string, string>>,
  digest: 'RSA-SHA256' | 'RSA-SHA1' = 'RSA-SHA256',
): URLSearchParams {
  const content = Object.keys(fields)
    .filter((name) => !['sign', 'sign_type'].includes(name) && fields[name] !== '')
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join('&')
  return new URLSearchParams({ ...fields, sign: sign(digest, Buffer.from(content), key).toString('base64') })
}

/** What a genuine notification of a paid trade says. */
export function paidFields(of: {
  outTradeNo: string
  amount: string
  appId: string
  sellerId: string
  tradeNo?: string
}): Record<string, string> {
  return {
    gmt_create: '2026-11-23 10:00:00',
    charset: 'utf-8',
    gmt_payment: '2026-11-23 10:00:05',
    notify_time: '2026-11-23 10:00:06',
    subject: '测试+课程 100%',
    buyer_id: '2088722000000001',
    invoice_amount: of.amount,
    version: '1.0',
    notify_id: `2026112301222${Math.floor(Math.random() * 1e15)}`,
    fund_bill_list: `[{"amount":"${of.amount}","fundChannel":"ALIPAYACCOUNT"}]`,
    notify_type: 'trade_status_sync',
    out_trade_no: of.outTradeNo,
    total_amount: of.amount,
    trade_status: 'TRADE_SUCCESS',
    trade_no: of.tradeNo ?? `202611232200149916050${Math.floor(1e6 + Math.random() * 9e6)}`,
    auth_app_id: of.appId,
    receipt_amount: of.amount,
    point_amount: '0.00',
    app_id: of.appId,
    buyer_pay_amount: of.amount,
    sign_type: 'RSA2',
    seller_id: of.sellerId,
  }
}
