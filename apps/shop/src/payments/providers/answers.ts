/** What the providers' commands share: amounts as people write them, and a gateway's answer as lines and as data. */
import { type Answer, type Call, required, UsageError } from '../../command.ts'
import { formatYuan, parseYuan, toFen } from '../../money.ts'

/** @throws UsageError where the option is missing, or no amount in yuan */
export function amountOf(call: Call, name: string): number {
  const amount = parseYuan(required(call, name))
  if (amount === undefined) throw new UsageError(`--${name} is no amount in yuan, such as 9.90`)
  return amount
}

/** An answer of the gateway as lines and as data; a refusal ends with exit code 1. */
export function told(fields: Readonly<Record<string, unknown>>, refused = false): Answer {
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== undefined && typeof value !== 'object')
    .map(([name, value]) => `${name}: ${value}`)
  return { text: lines.join('\n'), data: fields, exitCode: refused ? 1 : 0 }
}

export const yuan = (fen: number | undefined): string | undefined =>
  fen === undefined ? undefined : formatYuan(toFen(fen))
