/**
 * `xuecheng …`: each command is a thin layer over the subjects. Answers go to stdout, an error in one line to stderr.
 */
import { parseArgs } from 'node:util'
import { backupDatabase, restoreDatabase } from './cli/backup.ts'
import { enteredSettings } from './cli/entered.ts'
import { loginCode } from './cli/login-code.ts'
import { migrateDatabase } from './cli/migrate.ts'
import { setUserPassword } from './cli/password.ts'
import { reconcile } from './cli/reconcile.ts'
import { recorded } from './cli/recorded-refund.ts'
import { replay } from './cli/replay.ts'
import { sandboxAlone, sandboxCheck } from './cli/sandbox.ts'
import { createUser, secondFactorOff } from './cli/users.ts'
import { type Command, type PassedOn, UsageError } from './command.ts'
import { loadEnvironment, readConfig } from './config.ts'
import { REFUSALS, ShopError } from './errors.ts'
import { PROVIDER_COMMANDS } from './payments/providers/commands.ts'
import { hasRealMerchant } from './payments/providers/methods.ts'

const REFUNDS = Object.entries(PROVIDER_COMMANDS).filter(([name]) => name.endsWith(' refund'))

const COMMANDS: Readonly<Record<string, Command | PassedOn>> = {
  'sandbox check': sandboxCheck,
  sandbox: sandboxAlone,
  ...PROVIDER_COMMANDS,
  ...Object.fromEntries(REFUNDS.map(([name, command]) => [name, recorded(name, command)])),
  reconcile,
  'notifications replay': replay,
  'users create': createUser,
  'users password': setUserPassword,
  'users second-factor-off': secondFactorOff,
  'users login-code': loginCode,
  migrate: migrateDatabase,
  backup: backupDatabase,
  restore: restoreDatabase,
}

const remark = (line: string): void => void process.stderr.write(`xuecheng: ${line}\n`)

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  remark(lineOf(error))
  process.exitCode = isRefusal(error) ? 1 : 2
}

async function main(args: string[]): Promise<number> {
  const [name, command] =
    Object.entries(COMMANDS).find(([words]) => words.split(' ').every((word, at) => args[at] === word)) ?? []
  if (!name || !command) {
    if (args.length > 0 && !args.includes('--help')) throw new UsageError(unknown(args))
    process.stdout.write(`${usage()}\n`)
    return 0
  }
  const rest = args.slice(name.split(' ').length)
  const environment = loadEnvironment(process.cwd())
  if ('passOn' in command) return command.passOn(rest, environment)
  const { values, positionals } = parseArgs({
    args: rest,
    options: { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean' } },
    allowPositionals: true,
  })
  if (values['help']) {
    process.stdout.write(`xuecheng ${name} ${command.usage}\n  ${command.summary}\n`)
    return 0
  }
  const config = readConfig(environment, hasRealMerchant)
  let found: ReturnType<typeof enteredSettings> | undefined
  const entered = () => (found ??= enteredSettings(config))
  const answer = await command.run({ config, values, positionals, remark, entered })
  const said = values['json'] ? JSON.stringify(answer.data) : answer.refusal === undefined ? answer.text : undefined
  if (said === undefined) remark(answer.refusal ?? '')
  else process.stdout.write(`${said}\n`)
  return answer.exitCode ?? 0
}

/** The message for an unknown command, with the known ones: of the same group if there is one. */
function unknown([first = '', second]: readonly string[]): string {
  const names = Object.keys(COMMANDS)
  const ofFirst = names.filter((name) => name.startsWith(`${first} `))
  const what = ofFirst.length > 0 ? [first, second].filter(Boolean).join(' ') : first
  const wrong = second === undefined && ofFirst.length > 0 ? `${first} what?` : `there is no command "${what}".`
  const known = (ofFirst.length > 0 ? ofFirst : names).join(', ')
  return `${wrong} Commands: ${known}. See xuecheng --help`
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(
    ([name, { usage: how, summary }]) => `  xuecheng ${name} ${how}\n      ${summary}`,
  )
  return ['Usage (every command takes --json and --help):', '', ...lines].join('\n')
}

/** An error of a connection that failed at several addresses has no message. */
function lineOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message.split('\n')[0] || ('code' in error ? String(error.code) : error.name)
}

/** Whether the shop refused. Any other error means that the command failed. */
function isRefusal(error: unknown): boolean {
  return error instanceof ShopError && REFUSALS[error.code].status < 500
}
