/** The types of commands. */
import type { ParseArgsOptionsConfig } from 'node:util'
import type { Config, Environment } from './config.ts'
import type { Language } from './errors.ts'
import type { Fen } from './money.ts'

/** Payment settings that the owner entered in the back office, as far as a command can read them. */
export interface Entered {
  /** Those in use, by provider. */
  readonly settings: ReadonlyMap<string, Environment>
  /** Why they, or some of them, cannot be read. */
  readonly unseen?: Readonly<Record<Language, string>>
}

export interface Call {
  readonly config: Config
  /** Reads them where the server stores them. Never throws. */
  readonly entered: () => Promise<Entered>
  /** Prints a remark on a line of its own, apart from the answer. */
  readonly remark: (line: string) => void
  readonly values: Readonly<Record<string, unknown>>
  readonly positionals: readonly string[]
}

export interface Answer {
  /** For people. */
  readonly text: string
  /** For programs (`--json`). */
  readonly data: unknown
  readonly exitCode?: number
  /** A refusal in one line, printed as an error instead of the text. The data is still returned. */
  readonly refusal?: string
  /** What the command had the gateway refund. */
  readonly refunded?: RefundMade
}

/** A refund that a gateway has made; the number of its own call, and its own time if it says. */
export interface RefundMade {
  readonly provider: string
  readonly tradeNo: string
  readonly requestNo: string
  readonly amount: Fen
  readonly at: Date | undefined
}

export interface Command {
  readonly usage: string
  readonly summary: string
  readonly options: ParseArgsOptionsConfig
  run(call: Call): Promise<Answer>
}

/** A command whose arguments another program parses. */
export interface PassedOn {
  readonly usage: string
  readonly summary: string
  /** @returns the exit code */
  passOn(args: readonly string[], environment: Environment): Promise<number>
}

/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** @throws UsageError when the option is missing */
export function required({ values }: Call, name: string): string {
  const value = values[name]
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} is missing`)
  return value
}

/** The value of an option, if given. */
export function optional({ values }: Call, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
