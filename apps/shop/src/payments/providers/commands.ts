/** The command line of every provider. */
import type { Command } from '../../cli/command.ts'
import { alipayPayUrl, alipayVerify } from './alipay/commands.ts'

export const PROVIDER_COMMANDS: Readonly<Record<string, Command>> = {
  'alipay pay-url': alipayPayUrl,
  'alipay verify': alipayVerify,
}
