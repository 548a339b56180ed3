/** What a doctor finds: a code that stays the same with its values, and the words for it in the reader's language. */
import type { Language } from './errors.ts'

/** `unknown`: it was looked at in vain. `unchecked`: it can only be seen elsewhere, which is nobody's fault. */
export type Verdict = 'ok' | 'warning' | 'problem' | 'unknown' | 'unchecked'

export interface Finding<Check extends string = string, Code extends string = string> {
  readonly check: Check
  readonly verdict: Verdict
  readonly code: Code
  /** What the words name: a host, a fingerprint, a number of bits; never a key. */
  readonly values: Readonly<Record<string, string>>
}

/** The words of a finding, each with `{value}` where a value stands. */
export interface Said {
  readonly message: string
  /** What to do about it. */
  readonly todo?: string
}

export interface Words<Check extends string = string, Code extends string = string> {
  readonly checks: Readonly<Record<Check, Readonly<Record<Language, string>>>>
  readonly codes: Readonly<Record<Code, Readonly<Record<Language, Said>>>>
}

/** A finding as its reader sees it. */
export interface SaidFinding extends Said {
  readonly check: string
  readonly code: string
  readonly verdict: Verdict
}

export function inWords<Check extends string, Code extends string>(
  { check, verdict, code, values }: Finding<Check, Code>,
  words: Words<Check, Code>,
  language: Language,
): SaidFinding {
  const { message, todo } = words.codes[code][language]
  const filled = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
  const said = { check: words.checks[check][language], code, verdict, message: filled(message) }
  return todo === undefined ? said : { ...said, todo: filled(todo) }
}

/** Of a flag or of the environment's LANG; English where it is not Chinese. */
export const languageOf = (named: string | undefined): Language => (/^zh\b|^zh_/i.test(named ?? '') ? 'zh-CN' : 'en')

const MARKS: Record<Language, Record<Verdict, string>> = {
  en: { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM', unknown: 'unknown', unchecked: 'skipped' },
  'zh-CN': { ok: '正常', warning: '注意', problem: '有误', unknown: '未知', unchecked: '未查' },
}

/** One line for a terminal. */
export const writeFinding = ({ check, verdict, message, todo }: SaidFinding, language: Language): string =>
  `${MARKS[language][verdict]}  ${check}: ${message}${todo ? ` → ${todo}` : ''}`
