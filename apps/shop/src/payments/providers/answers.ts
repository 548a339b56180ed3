/** Shared by the providers' commands: parsing of amounts, and a gateway's answer as lines and as data. */
import { type Answer, type Call, required, UsageError } from '../../command.ts'
import { formatYuan, parseYuan, toFen } from '../../money.ts'

/** @throws UsageError if the option is missing or is not an amount in yuan */
export function amountOf(call: Call): number {
  const amount = parseYuan(required(call, 'amount'))
  if (amount === undefined) throw new UsageError(`--amount is no amount in yuan, such as 9.90`)
  return amount
}

/** An answer of the gateway as lines and as data; the exit code is 1 if it says that nothing was found. */
export function answerOf(fields: Readonly<Record<string, unknown>>, isNone = false): Answer {
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== undefined && typeof value !== 'object')
    .map(([name, value]) => `${name}: ${value}`)
  return { text: lines.join('\n'), data: fields, exitCode: isNone ? 1 : 0 }
}

interface Refused {
  readonly ok: false
  /** Each gateway has its own names for the code and its message. */
  readonly code?: string
  readonly message?: string
  readonly subCode?: string
  readonly subMsg?: string
  readonly meaning: string
}

/** A refusal by the gateway: one line as an error, the whole answer as data, exit code 1. */
export function refused(answer: Refused): Answer {
  const [code, words] = [answer.subCode ?? answer.code ?? '', answer.subMsg ?? answer.message ?? '']
  const line = [code, words && words !== code ? words : '', `(${answer.meaning})`].filter(Boolean).join(' ')
  return { ...answerOf({ ...answer }, true), refusal: line.replace(/\s+/g, ' ') }
}

/** An amount in fen that may be negative, as in bills. */
export const signedYuan = (fen: number): string => (fen < 0 ? `-${yuan(-fen)}` : `${yuan(fen)}`)

export const yuan = (fen: number | undefined): string | undefined =>
  fen === undefined ? undefined : formatYuan(toFen(fen))
