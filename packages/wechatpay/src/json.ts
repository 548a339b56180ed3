/** Reads untrusted JSON without assuming its shape. */
import { UnknownOutcomeError } from '@xuecheng/client-kit'

export type JsonObject = Readonly<Record<string, unknown>>

/** Undefined for anything but an object. */
export function readObject(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

export const asObject = (value: unknown): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined

/** A member as text; '' when it is missing or not a string. */
export function textOf(values: JsonObject | undefined, name: string): string {
  const value = values?.[name]
  return typeof value === 'string' ? value : ''
}

/** A member as whole fen; undefined when it is missing, negative or not a whole number. */
export function fenOf(values: JsonObject | undefined, name: string): number | undefined {
  const value = values?.[name]
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

export const unexpected = (what: string): UnknownOutcomeError =>
  new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', `The answer lacks fields that every ${what} has.`)

/** Answers name their subject; an answer about another one belongs to another request. */
export const aboutAnother = (what: string): UnknownOutcomeError =>
  new UnknownOutcomeError('ANSWER_ABOUT_ANOTHER', `The answer is about another ${what}.`)
