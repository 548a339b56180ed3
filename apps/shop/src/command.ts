/** What a command is. */
import type { ParseArgsOptionsConfig } from 'node:util'
import type { Config } from './config.ts'

export interface Call {
  readonly config: Config
  readonly values: Readonly<Record<string, unknown>>
  readonly positionals: readonly string[]
}

export interface Answer {
  /** For people. */
  readonly text: string
  /** For programs (`--json`). */
  readonly data: unknown
  readonly exitCode?: number
}

export interface Command {
  readonly usage: string
  readonly summary: string
  readonly options: ParseArgsOptionsConfig
  run(call: Call): Promise<Answer>
}

/** A command whose words are read by another program. */
export interface PassedOn {
  readonly usage: string
  readonly summary: string
  /** @returns the exit code */
  passOn(args: readonly string[]): Promise<number>
}

/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** @throws UsageError when the option is not there */
export function required({ values }: Call, name: string): string {
  const value = values[name]
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} is missing`)
  return value
}

/** An option's text, if it was given. */
export function optional({ values }: Call, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
