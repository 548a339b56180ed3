/** A check that what a notification says is the one thing that is ours; where it is not, staff see both. */
import type { Check } from './provider.ts'

export function ours(check: string, detail: string, expected: string): Check {
  return detail === expected ? { check, passed: true, detail } : { check, passed: false, detail, expected }
}
