/** What the pages need to know of this shop before anything else. */
import { Type } from 'typebox'
import { DEMO_ACCOUNTS } from './accounts/demo.ts'
import type { Application } from './http/application.ts'
import { describeMethods, MethodFace } from './payments/providers/kind.ts'
import { PAY_TYPES } from './payments/providers/names.ts'
import { KINDS } from './payments/providers/registry.ts'
import type { Shop } from './shop.ts'

const PayMethodShape = Type.Object(
  {
    name: Type.Enum([...PAY_TYPES]),
    offered: Type.Boolean({ description: 'Whether it takes new payments' }),
    ...MethodFace.properties,
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

export function addShopRoutes(app: Application, { config, providers, identity }: Shop): void {
  app.addSchema(PayMethodShape)
  app.addSchema(ShopShape)
  app.get('/api/shop', { schema: { tags: ['shop'], response: { 200: Type.Ref('Shop') } } }, () => ({
    name: identity.current().names.zh,
    payMethods: describeMethods(KINDS, providers.offered(), providers.sameOnPhones()),
    demo: config.demo,
    sandbox: config.sandbox.enabled,
    orderTtlMinutes: config.orderTtlMinutes,
    demoAccounts: config.demo ? [...DEMO_ACCOUNTS] : [],
    sandboxBuyer: config.sandbox.enabled ? SANDBOX_BUYER : null,
  }))
}
