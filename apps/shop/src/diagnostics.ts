/** Results of diagnostics: a stable code with its values, and the text for it in the reader's language. */
import type { Language } from './errors.ts'

/** `unknown`: the check failed to find out. `unchecked`: it can only be checked elsewhere, which is no fault. */
export type Verdict = 'ok' | 'warning' | 'problem' | 'unknown' | 'unchecked'

export interface CheckResult<Check extends string = string, Code extends string = string> {
  readonly check: Check
  readonly verdict: Verdict
  readonly code: Code
  /** Values in the text: a host, a fingerprint, a number of bits; never a key. */
  readonly values: Readonly<Record<string, string>>
}

/** Makes results, with one function for each verdict. */
export function results<Check extends string, Code extends string>() {
  const as =
    (verdict: Verdict) =>
    (check: Check, code: Code, values: Readonly<Record<string, string>> = {}): CheckResult<Check, Code> => ({
      check,
      verdict,
      code,
      values,
    })
  return {
    ok: as('ok'),
    warning: as('warning'),
    problem: as('problem'),
    unknown: as('unknown'),
    unchecked: as('unchecked'),
  }
}

/** The text of a result; `{value}` is replaced with a value. */
export interface ResultText {
  readonly message: string
  /** What to do about it. */
  readonly todo?: string
}

export const said = (zh: string, en: string, zhTodo?: string, enTodo?: string): Record<Language, ResultText> => ({
  'zh-CN': zhTodo === undefined ? { message: zh } : { message: zh, todo: zhTodo },
  en: enTodo === undefined ? { message: en } : { message: en, todo: enTodo },
})

export interface Words<Check extends string = string, Code extends string = string> {
  readonly checks: Readonly<Record<Check, Readonly<Record<Language, string>>>>
  readonly codes: Readonly<Record<Code, Readonly<Record<Language, ResultText>>>>
}

/** A result as its reader sees it. */
export interface DescribedResult extends ResultText {
  readonly check: string
  readonly code: string
  readonly verdict: Verdict
}

export function describeResults<Check extends string, Code extends string>(
  { check, verdict, code, values }: CheckResult<Check, Code>,
  words: Words<Check, Code>,
  language: Language,
): DescribedResult {
  const { message, todo } = words.codes[code][language]
  const filled = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
  const said = { check: words.checks[check][language], code, verdict, message: filled(message) }
  return todo === undefined ? said : { ...said, todo: filled(todo) }
}

/** A missing or wrong setting, named as in the environment. `about` is the part of the shop that it belongs to. */
export const settingProblem = (about: string, { message }: Error): DescribedResult => ({
  check: about,
  code: 'SETTING',
  verdict: 'problem',
  message,
})

/** The language of a flag or of LANG; English unless it is Chinese. */
export const languageOf = (named: string | undefined): Language => (/^zh\b|^zh_/i.test(named ?? '') ? 'zh-CN' : 'en')

const MARKS: Record<Language, Record<Verdict, string>> = {
  en: { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM', unknown: 'unknown', unchecked: 'skipped' },
  'zh-CN': { ok: '正常', warning: '注意', problem: '有误', unknown: '未知', unchecked: '未查' },
}

/** One line for a terminal. */
export const writeResult = ({ check, verdict, message, todo }: DescribedResult, language: Language): string =>
  `${MARKS[language][verdict]}  ${check}: ${message}${todo ? ` → ${todo}` : ''}`
