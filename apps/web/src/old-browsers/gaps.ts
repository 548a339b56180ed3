/**
 * Polyfills for old browsers: functions that the libraries call, and `<dialog>`. `old-browsers.ts` loads it before the
 * app starts.
 */
import { installDialogs } from './gaps-dialog.ts'

interface Listed {
  readonly length: number
  readonly [index: number]: unknown
}

function at(this: Listed, index: number): unknown {
  const whole = Math.trunc(index) || 0
  return this[whole < 0 ? this.length + whole : whole]
}

/** Without `Object.hasOwn`, which the linter prefers: this is its polyfill. */
const hasOwn = (owner: object, key: PropertyKey): boolean =>
  Reflect.getOwnPropertyDescriptor(Object(owner), key) !== undefined

const fill = (owner: object, name: string, value: unknown): void => {
  if (!(name in owner)) Object.defineProperty(owner, name, { value, writable: true, configurable: true })
}

fill(Array.prototype, 'at', at)
fill(String.prototype, 'at', at)
fill(Object, 'hasOwn', hasOwn)
if (typeof document !== 'undefined') installDialogs()
