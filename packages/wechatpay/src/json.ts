/** JSON from outside, read without believing its shape. */
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

/** A member's text; '' where it is missing or no text. */
export function textOf(values: JsonObject | undefined, name: string): string {
  const value = values?.[name]
  return typeof value === 'string' ? value : ''
}

/** A member's whole fen; undefined where it is missing, negative, or no whole number. */
export function fenOf(values: JsonObject | undefined, name: string): number | undefined {
  const value = values?.[name]
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

export const unexpected = (what: string): UnknownOutcomeError =>
  new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', `The answer lacks what a ${what} always has.`)

/** Answers say what they are about; one about something else was meant for another question. */
export const aboutAnother = (what: string): UnknownOutcomeError =>
  new UnknownOutcomeError('ANSWER_ABOUT_ANOTHER', `The answer is about another ${what}.`)
