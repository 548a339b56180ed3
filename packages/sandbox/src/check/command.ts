/** `xuecheng-sandbox check`: the conformance kit on the command line. */
import { parseArgs } from 'node:util'
import { checkShop } from './check-shop.ts'
import { orderByCommand, orderByHttp, paidByCommand, paidByHttp, type Recipe } from './recipe.ts'

export const CHECK_HELP = `xuecheng-sandbox check NOTIFY_URL [options]

Drives a shop's notify address through Alipay's go-live checklist, or WeChat Pay's if its orders return a code_url or an
h5_url. The shop must use the sandbox given here.
To create orders, give one of
  --order-command CMD      a shell command that prints a pay link (.../gateway.do?..., weixin://wxpay/...)
  --order-http URL         a request whose answer contains a pay link, with
    --order-method POST  --order-header 'Name: value' (repeatable)  --order-body TEXT
and, to check whether orders are really paid, one of
  --paid-command CMD       gets the order's number as $1; exit 0 paid, 1 not paid
  --paid-http URL          contains {outTradeNo}; with --paid-pattern REGEX  and --order-header's headers
Other options: --sandbox http://127.0.0.1:8100   --json`

/**
 * Runs the command with its arguments (without the word `check`); exit code 0: all passed, 1: failures, 2: wrong usage.
 */
export async function runCheckCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      sandbox: { type: 'string', default: 'http://127.0.0.1:8100' },
      'order-command': { type: 'string' },
      'order-http': { type: 'string' },
      'order-method': { type: 'string', default: 'POST' },
      'order-header': { type: 'string', multiple: true, default: [] },
      'order-body': { type: 'string' },
      'paid-command': { type: 'string' },
      'paid-http': { type: 'string' },
      'paid-pattern': { type: 'string', default: '"status"\\s*:\\s*"paid"' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(`${CHECK_HELP}\n`)
    return 0
  }
  const [url] = positionals
  const recipe = readRecipe(values)
  if (url === undefined || !URL.canParse(url) || !recipe) {
    process.stderr.write(
      `sandbox check: give the shop's notify address and --order-command or --order-http; see --help\n`,
    )
    return 2
  }
  const report = await checkShop(url, {
    sandbox: values.sandbox,
    recipe,
    ...(!values.json && {
      onResult: ({ passed, name, expected, saw }) =>
        void process.stdout.write(
          `${passed ? 'pass' : 'FAIL'}  ${name}\n      expected: ${expected}\n      saw:      ${saw}\n`,
        ),
    }),
  })
  process.stdout.write(
    values.json ? `${JSON.stringify(report)}\n` : `${report.passed} passed, ${report.failed} failed\n`,
  )
  return report.failed === 0 ? 0 : 1
}

interface Values {
  readonly 'order-command'?: string
  readonly 'order-http'?: string
  readonly 'order-method': string
  readonly 'order-header': readonly string[]
  readonly 'order-body'?: string
  readonly 'paid-command'?: string
  readonly 'paid-http'?: string
  readonly 'paid-pattern': string
}

function readRecipe(values: Values): Recipe | undefined {
  const headers = Object.fromEntries(
    values['order-header'].map((line) => [
      line.slice(0, line.indexOf(':')).trim(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const body = values['order-body']
  const order =
    values['order-command'] !== undefined
      ? orderByCommand(values['order-command'])
      : values['order-http'] !== undefined
        ? orderByHttp({
            url: values['order-http'],
            method: values['order-method'],
            headers,
            ...(body !== undefined && { body }),
          })
        : undefined
  if (!order) return undefined
  const isPaid =
    values['paid-command'] !== undefined
      ? paidByCommand(values['paid-command'])
      : values['paid-http'] !== undefined
        ? paidByHttp({ url: values['paid-http'], headers }, new RegExp(values['paid-pattern']))
        : undefined
  return { order, ...(isPaid && { isPaid }) }
}
