/** Alipay, as the registry takes it. */
import { existsSync, readFileSync } from 'node:fs'
import { UsageError } from '../../../command.ts'
import type { Config } from '../../../config.ts'
import { isReal, isSetUp, type ProviderDefinition } from '../definition.ts'
import { ALIPAY_COMMANDS } from './commands.ts'
import { checkSettings } from './diagnostics.ts'
import { ALIPAY_FORM } from './form.ts'
import { type AlipayProvider, createAlipayProvider } from './provider.ts'
import { addAlipayRoutes } from './routes.ts'
import { registerAlipayMerchant } from './sandbox-merchant.ts'
import { readAlipaySettings, sandboxKeyFile } from './settings.ts'

/** The file with the application's public key: only its owner has it, and it allows checking the key pair. */
const APP_PUBLIC_KEY = 'app-public-key'

function applicationKey(config: Config, named: string | undefined): string | undefined {
  const own = named ?? (isSetUp(ALIPAY_FORM, config.environment) ? undefined : sandboxKeyFile(config, 'app_public_key'))
  const text = own && existsSync(own) ? readFileSync(own, 'utf8') : undefined
  if (named && text === undefined) throw new UsageError(`${named} cannot be read`)
  return text
}

export const ALIPAY: ProviderDefinition<AlipayProvider, 'alipay'> = {
  ...ALIPAY_FORM,
  open(config, clock, log) {
    const settings = readAlipaySettings(config)
    if (!settings) return undefined
    const provider = createAlipayProvider(settings, clock, log)
    const { appId, gateway, sandbox } = settings
    return { provider, account: provider.merchant, merchantOfRecord: appId, sandbox, real: isReal(gateway, sandbox) }
  },
  check: (config, clock, language, files) =>
    checkSettings(config, applicationKey(config, files?.[APP_PUBLIC_KEY]), { now: clock, language }),
  checkFiles: [APP_PUBLIC_KEY],
  registerWithSandbox: registerAlipayMerchant,
  addRoutes: addAlipayRoutes,
  commands: ALIPAY_COMMANDS,
}
