/** The command line of every provider. */
import type { Command } from '../../command.ts'
import { ALIPAY_COMMANDS } from './alipay/commands.ts'

export const PROVIDER_COMMANDS: Readonly<Record<string, Command>> = { ...ALIPAY_COMMANDS }
