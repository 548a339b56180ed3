/** Which providers this shop has: those that are set up. Adding one means one folder and one line here. */
import type { Logger } from 'pino'
import type { Clock } from '../../clock.ts'
import type { Config, Environment } from '../../config.ts'
import type { Application } from '../../http/application.ts'
import type { Payments } from '../payments.ts'
import { createAlipayProvider } from './alipay/provider.ts'
import { addAlipayRoutes } from './alipay/routes.ts'
import { registerAlipayMerchant } from './alipay/sandbox-merchant.ts'
import { isAlipaySetUp, readAlipaySettings } from './alipay/settings.ts'
import type { PaymentProvider } from './provider.ts'
import { createWechatProvider } from './wechat/provider.ts'
import { addWechatRoutes } from './wechat/routes.ts'
import { registerWechatMerchant } from './wechat/sandbox-merchant.ts'
import { isWechatSetUp, readWechatSettings } from './wechat/settings.ts'

export interface Providers {
  readonly byName: ReadonlyMap<string, PaymentProvider>
  /** Adds the addresses that the gateways and the returning buyers call. */
  addRoutes(app: Application, payments: Payments): void
}

export function createProviders(config: Config, clock: Clock, log: Logger): Providers {
  const byName = new Map<string, PaymentProvider>()
  const settings = readAlipaySettings(config)
  const alipay = settings && createAlipayProvider(settings, clock, log)
  if (alipay) byName.set(alipay.name, alipay)
  const wechatSettings = readWechatSettings(config)
  const wechat = wechatSettings && createWechatProvider(wechatSettings, clock, log)
  if (wechat) byName.set(wechat.name, wechat)
  return {
    byName,
    addRoutes(app, payments) {
      if (alipay) addAlipayRoutes(app, payments, alipay)
      if (wechat) addWechatRoutes(app, payments, wechat)
    },
  }
}

/** Makes the shop a merchant of its own sandbox, with every provider that is not set up otherwise. */
export async function registerWithSandbox(config: Config): Promise<void> {
  await Promise.all([registerAlipayMerchant(config), registerWechatMerchant(config)])
}

/** Whether a provider's real gateway is set up, so that no sandbox is wanted unless it is asked for. */
export const hasRealGateway = (environment: Environment): boolean =>
  isAlipaySetUp(environment) || isWechatSetUp(environment)
