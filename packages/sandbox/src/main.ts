/** The command: starts a sandbox, prints its addresses, and stops with its parent or on a signal. */
import { parseArgs } from 'node:util'
import { runCheckCommand } from './check/command.ts'
import { serve } from './server.ts'

const HELP = `xuecheng-sandbox [--port 8100] [--host 127.0.0.1] [--allow-host NAME …] [--data ./data/sandbox]
xuecheng-sandbox check NOTIFY_URL …   (see xuecheng-sandbox check --help)

An Alipay gateway, cashier and console on one port. SANDBOX_PORT, SANDBOX_HOST and SANDBOX_ALLOWED_HOSTS (names with commas
between them) are taken where --port, --host and --allow-host are absent.`

if (process.argv[2] === 'check') {
  process.exit(await runCheckCommand(process.argv.slice(3)).catch((error: unknown) => fail(message(error), 2)))
}

const { values } = readOptions()

if (values.help) {
  process.stdout.write(`${HELP}\n`)
  process.exit(0)
}

const text = values.port ?? process.env['SANDBOX_PORT'] ?? '8100'
const port = Number(text)
if (!Number.isInteger(port) || port < 0 || port > 65_535)
  fail(`--port (SANDBOX_PORT) must be a port number such as 8100, not "${text}"`)

const host = (values.host || process.env['SANDBOX_HOST']?.trim() || '127.0.0.1').replace(/^\[(.*)\]$/, '$1')
const allowedHosts = values['allow-host'] ?? (process.env['SANDBOX_ALLOWED_HOSTS'] ?? '').split(',')
const sandbox = await serve({
  port,
  host,
  allowedHosts: allowedHosts.map((name) => name.trim()).filter(Boolean),
  data: values.data,
}).catch((error: unknown) => fail(message(error)))

async function stop(): Promise<void> {
  await sandbox.close()
  process.exit(0)
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, stop)
if (process.send) {
  process.once('disconnect', stop)
  process.send({ type: 'ready', url: sandbox.url })
}
process.stdout.write(`sandbox ready: gateway ${sandbox.url}/gateway.do, console ${sandbox.url}/console\n`)

function readOptions() {
  try {
    return parseArgs({
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        'allow-host': { type: 'string', multiple: true },
        data: { type: 'string', default: './data/sandbox' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return fail(`${message(error).split('\n')[0]}. See --help`, 2)
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function fail(reason: string, code = 1): never {
  process.stderr.write(`sandbox: ${reason}\n`)
  process.exit(code)
}
