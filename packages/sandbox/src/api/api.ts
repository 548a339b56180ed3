/** The JSON interface and its OpenAPI document. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { refuseForeignCalls } from '../core/pages/forms.ts'
import { type Names, refuseForeignHosts } from '../core/pages/hosts.ts'
import type { Sandbox } from '../sandbox.ts'
import { buyerRoutes, merchantRoutes } from './accounts.ts'
import { type Application, Refused } from './application.ts'
import { controlRoutes } from './control.ts'
import { deliveryRoutes } from './deliveries.ts'
import { faultRoutes } from './faults.ts'
import { paymentRoutes } from './payments.ts'
import { BuyerShape, DeliveryShape, ErrorShape, MerchantShape, TradeShape } from './shapes.ts'
import { summaryRoute } from './summary.ts'
import { tradeActions, tradeRoutes } from './trades.ts'
import { wechatDeliveryRoutes } from './wechat-deliveries.ts'
import { wechatMerchantRoutes } from './wechat-merchants.ts'
import { wechatPaymentRoutes } from './wechat-payments.ts'
import { wechatRefundActions, wechatTradeActions, wechatTradeRoutes } from './wechat-trades.ts'

/** The OpenAPI document, of which every later route is a part unless it hides. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Xuecheng sandbox', version: '1', description: DESCRIPTION },
      servers: [{ url: '/' }],
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json['$id'] ?? `schema-${index}`) },
  })
  for (const shape of [MerchantShape, BuyerShape, TradeShape, DeliveryShape, ErrorShape]) app.addSchema(shape)
}

/** `base` returns the address at which callers reach the sandbox. */
export function serveApi(api: Application, sandbox: Sandbox, names: Names, base: () => string): void {
  const { wechat } = sandbox
  refuseForeignHosts(api, names)
  refuseForeignCalls(api)
  takeNoBodyAsEmpty(api)
  merchantRoutes(api, sandbox, base)
  buyerRoutes(api, sandbox)
  paymentRoutes(api, sandbox)
  tradeRoutes(api, sandbox)
  tradeActions(api, sandbox)
  summaryRoute(api, sandbox)
  deliveryRoutes(api, sandbox)
  controlRoutes(api, sandbox)
  faultRoutes(api, sandbox)
  wechatMerchantRoutes(api, wechat, base)
  wechatPaymentRoutes(api, wechat)
  wechatTradeRoutes(api, wechat)
  wechatTradeActions(api, wechat)
  wechatRefundActions(api, wechat)
  wechatDeliveryRoutes(api, wechat)
}

/** Reads an empty body as an empty object. */
function takeNoBodyAsEmpty(api: FastifyInstance): void {
  api.removeContentTypeParser('application/json')
  api.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, text === '' ? {} : JSON.parse(String(text)))
    } catch {
      done(new Refused(400, 'INVALID_JSON', 'the body is not JSON'))
    }
  })
  api.addHook('preValidation', async (request) => {
    request.body ??= {}
  })
}

const DESCRIPTION =
  'Everything a person can do in the console, for programs. Money is a decimal string in yuan ("39.00"); times are ' +
  'RFC 3339 with +08:00; lists page by cursor; errors are { code, message }.'
