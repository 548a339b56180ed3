/** What a doctor finds: one line each, with what to do. */

export interface Finding {
  readonly check: string
  readonly verdict: 'ok' | 'warning' | 'problem' | 'unknown'
  readonly message: string
  /** What to do about it. */
  readonly todo?: string
}

export const ok = (check: string, message: string): Finding => ({ check, verdict: 'ok', message })
export const warning = (check: string, message: string): Finding => ({ check, verdict: 'warning', message })
export const problem = (check: string, message: string, todo: string): Finding => ({
  check,
  verdict: 'problem',
  message,
  todo,
})
export const unknown = (check: string, message: string, todo: string): Finding => ({
  check,
  verdict: 'unknown',
  message,
  todo,
})

const MARKS = { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM', unknown: 'unknown' }

export const writeFinding = ({ check, verdict, message, todo }: Finding): string =>
  `${MARKS[verdict]}  ${check}: ${message}${todo ? ` → ${todo}` : ''}`
