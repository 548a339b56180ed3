/** `/sandbox/api/wechat/merchants`: WeChat Pay merchants and the platform certificates that sign for them. */
import { type Static, Type } from 'typebox'
import { readPublicKey } from '../core/keys.ts'
import type { WechatMerchant } from '../wechat/merchants.ts'
import type { Wechat } from '../wechat/wechat.ts'
import { type Application, Refused } from './application.ts'
import { bodyOf, ErrorShape } from './shapes.ts'

const MerchantShape = Type.Object({
  mchId: Type.String(),
  name: Type.String(),
  appId: Type.String(),
  serialNo: Type.String(),
  keyMode: Type.String(),
  publicKeyId: Type.String(),
  publicKey: Type.String({ description: 'WeChat Pay’s public key: bare Base64 of the SPKI' }),
  baseUrl: Type.String(),
})

const MerchantInput = bodyOf({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  appId: Type.String({ pattern: '^\\w{1,32}$' }),
  serialNo: Type.String({ pattern: '^[0-9A-Fa-f]{8,64}$' }),
  publicKey: Type.String({ maxLength: 4096 }),
  apiV3Key: Type.String({ pattern: '^[\\x21-\\x7e]{32}$' }),
  keyMode: Type.Optional(Type.Union([Type.Literal('public-key'), Type.Literal('certificate')])),
  rules: Type.Optional(
    bodyOf({
      feeRate: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
      billHour: Type.Optional(Type.Integer({ minimum: 0, maximum: 23 })),
      refundSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 * 86_400 })),
      refundGapSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600, description: 'WeChat’s is 60' })),
      h5Domains: Type.Optional(
        Type.Array(Type.String({ pattern: '^[\\w.:[\\]-]{1,253}$' }), {
          maxItems: 20,
          description: 'Host names registered for H5 payments, without a port; loopback by default',
        }),
      ),
    }),
  ),
})

/** `base` returns the address at which callers reach the sandbox. */
export function wechatMerchantRoutes(app: Application, wechat: Wechat, base: () => string): void {
  const { merchants, certificates } = wechat
  const mchId = Type.Object({ mchId: Type.String({ pattern: '^\\d{1,32}$' }) })

  const merchantJson = (merchant: WechatMerchant): Static<typeof MerchantShape> => ({
    mchId: merchant.mchId,
    name: merchant.name,
    appId: merchant.appId,
    serialNo: merchant.serialNo,
    keyMode: merchant.keyMode,
    publicKeyId: merchant.publicKeyId,
    publicKey: merchant.wechatPublicKey,
    baseUrl: base(),
  })

  app.get(
    '/sandbox/api/wechat/merchants',
    { schema: { response: { 200: Type.Object({ items: Type.Array(MerchantShape) }) } } },
    () => ({
      items: merchants.list().map(merchantJson),
    }),
  )

  app.put(
    '/sandbox/api/wechat/merchants/:mchId',
    {
      schema: {
        summary: 'Registers or updates a merchant with its public key and its APIv3 key; safe to repeat',
        params: mchId,
        body: MerchantInput,
        response: { 200: MerchantShape, '4xx': ErrorShape },
      },
    },
    async (request) => {
      if (!readPublicKey(request.body.publicKey)) {
        throw new Refused(400, 'INVALID_PUBLIC_KEY', 'publicKey must be an RSA public key, as PEM or bare Base64')
      }
      const merchant = await merchants.put(request.params.mchId, request.body)
      const isFirst = merchant.keyMode === 'certificate' && certificates.list(merchant.mchId).length === 0
      if (isFirst) await certificates.issue(merchant.mchId, 100)
      wechat.changed()
      return merchantJson(merchant)
    },
  )

  app.post(
    '/sandbox/api/wechat/merchants/:mchId/rotate',
    {
      schema: {
        summary:
          'Issues the next platform certificate, which signs this share of WeChat’s messages; `next: false` changes the share of the newest',
        params: mchId,
        body: bodyOf({
          share: Type.Integer({ minimum: 0, maximum: 100 }),
          next: Type.Optional(Type.Boolean()),
        }),
        response: { 200: Type.Object({ serials: Type.Array(Type.String()) }), '4xx': ErrorShape },
      },
    },
    async (request) => {
      const merchant = merchants.find(request.params.mchId)
      if (merchant?.keyMode !== 'certificate') {
        throw new Refused(409, 'NO_CERTIFICATES', 'there is no such merchant in certificate mode')
      }
      if (request.body.next === false) certificates.share(merchant.mchId, request.body.share)
      else await certificates.issue(merchant.mchId, request.body.share)
      return { serials: certificates.list(merchant.mchId).map(({ serialNo }) => serialNo) }
    },
  )
}
