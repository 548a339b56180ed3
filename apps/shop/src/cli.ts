/** `xuecheng …`: each command a few lines over the subjects. Answers go to stdout, an error to stderr in one line. */
import { parseArgs } from 'node:util'
import { backupDatabase, restoreDatabase } from './cli/backup.ts'
import { migrateDatabase } from './cli/migrate.ts'
import { reconcile } from './cli/reconcile.ts'
import { replay } from './cli/replay.ts'
import { sandboxAlone, sandboxCheck } from './cli/sandbox.ts'
import { createUser, secondFactorOff } from './cli/users.ts'
import { type Command, type PassedOn, UsageError } from './command.ts'
import { loadEnvironment, readConfig } from './config.ts'
import { ShopError } from './errors.ts'
import { PROVIDER_COMMANDS } from './payments/providers/commands.ts'

const COMMANDS: Readonly<Record<string, Command | PassedOn>> = {
  'sandbox check': sandboxCheck,
  sandbox: sandboxAlone,
  ...PROVIDER_COMMANDS,
  reconcile,
  'notifications replay': replay,
  'users create': createUser,
  'users second-factor-off': secondFactorOff,
  migrate: migrateDatabase,
  backup: backupDatabase,
  restore: restoreDatabase,
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const line = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  process.stderr.write(`xuecheng: ${error instanceof ShopError ? `${error.code}: ` : ''}${line}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}

async function main(args: string[]): Promise<number> {
  const [name, command] =
    Object.entries(COMMANDS).find(([words]) => words.split(' ').every((word, at) => args[at] === word)) ?? []
  if (!name || !command) {
    process.stdout.write(`${usage()}\n`)
    return args.length === 0 || args.includes('--help') ? 0 : 2
  }
  const rest = args.slice(name.split(' ').length)
  if ('passOn' in command) return command.passOn(rest)
  const { values, positionals } = parseArgs({
    args: rest,
    options: { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean' } },
    allowPositionals: true,
  })
  if (values['help']) {
    process.stdout.write(`xuecheng ${name} ${command.usage}\n  ${command.summary}\n`)
    return 0
  }
  const config = readConfig(loadEnvironment(process.cwd()))
  const answer = await command.run({ config, values, positionals })
  process.stdout.write(values['json'] ? `${JSON.stringify(answer.data)}\n` : `${answer.text}\n`)
  return answer.exitCode ?? 0
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(
    ([name, { usage: how, summary }]) => `  xuecheng ${name} ${how}\n      ${summary}`,
  )
  return ['Usage (every command takes --json and --help):', '', ...lines].join('\n')
}
