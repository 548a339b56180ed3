/** The settings of this shop that the pages need first. */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { DEMO_ACCOUNTS } from '../auth/passwords/demo-passwords.ts'
import type { Application } from '../http/application.ts'
import { DisplayMetadata, describeMethods } from '../payments/providers/definition.ts'
import { METHODS, PayType } from '../payments/providers/methods.ts'
import type { Shop } from './shop.ts'

const PayMethodShape = Type.Object(
  {
    name: PayType,
    offered: Type.Boolean({ description: 'Whether it takes new payments' }),
    ...DisplayMetadata.properties,
  },
  { $id: 'PayMethod' },
)

const ShopShape = Type.Object(
  {
    name: Type.String(),
    payMethods: Type.Array(Type.Ref('PayMethod')),
    demo: Type.Boolean(),
    sandbox: Type.Boolean(),
    orderTtlMinutes: Type.Integer({ description: 'How long an unpaid order is held' }),
    demoAccounts: Type.Array(Type.Object({ username: Type.String(), password: Type.String(), role: Type.String() })),
    sandboxBuyer: Type.Union([
      Type.Object({ login: Type.String(), password: Type.String(), paymentPassword: Type.String() }),
      Type.Null(),
    ]),
  },
  { $id: 'Shop' },
)

const SANDBOX_BUYER = { login: 'buyer@sandbox.example', password: '111111', paymentPassword: '111111' }

export function addShopRoutes(app: Application, { config, providers, identity, demo, log }: Shop): void {
  // Only the database knows whether entered keys made the shop live. While it is unavailable, show no demo accounts.
  const demoAccounts = async (request: FastifyRequest) => {
    const refusal = await demo.refusal(request).catch((error: unknown) => {
      log.warn({ err: error }, 'demo accounts not shown: the database is unavailable')
      return 'DEMO_PASSWORD' as const
    })
    return refusal ? [] : [...DEMO_ACCOUNTS]
  }
  app.addSchema(PayMethodShape)
  app.addSchema(ShopShape)
  app.get(
    '/api/shop',
    { config: { access: 'anyone' }, schema: { tags: ['shop'], response: { 200: Type.Ref('Shop') } } },
    async (request) => ({
      name: identity.current().names.zh,
      payMethods: describeMethods(METHODS, providers.offered(), providers.sameOnPhones()),
      demo: config.demo,
      sandbox: providers.usesSandbox(),
      orderTtlMinutes: config.orderTtlMinutes,
      demoAccounts: await demoAccounts(request),
      sandboxBuyer: providers.usesSandbox() ? SANDBOX_BUYER : null,
    }),
  )
}
