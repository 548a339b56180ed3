/** WeChat Pay, as the registry takes it. */
import { isReal, type ProviderDefinition } from '../definition.ts'
import { WECHAT_COMMANDS } from './commands.ts'
import { checkSettings } from './diagnostics.ts'
import { WECHAT_FORM } from './form.ts'
import { createWechatProvider, type WechatProvider } from './provider.ts'
import { addWechatRoutes } from './routes.ts'
import { registerWechatMerchant } from './sandbox-merchant.ts'
import { readWechatSettings } from './settings.ts'

export const WECHAT: ProviderDefinition<WechatProvider, 'wechat'> = {
  ...WECHAT_FORM,
  open(config, clock, log) {
    const settings = readWechatSettings(config)
    if (!settings) return undefined
    // An order can be queried, closed and refunded with the merchant number alone, no matter which application created it.
    const account = settings.sandbox ? 'sandbox' : `${settings.baseUrl} ${settings.mchId}`
    const provider = createWechatProvider(settings, clock, log)
    const { mchId, baseUrl, sandbox } = settings
    return { provider, account, merchantOfRecord: mchId, sandbox, real: isReal(baseUrl, sandbox) }
  },
  check: (config, clock, language) => checkSettings(config, { now: clock, language }),
  registerWithSandbox: registerWechatMerchant,
  addRoutes: addWechatRoutes,
  commands: WECHAT_COMMANDS,
}
