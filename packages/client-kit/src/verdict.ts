/** Verification results as promises, such that a forgotten `await` cannot look like "not genuine". */

/**
 * The same promise, except that reading `ok` of the promise itself throws. Otherwise, without `await`, `if
 * (!verdict.ok)` would refuse every message, genuine ones too, and `if (verdict.ok)` would never be true.
 * @param call the call to await, for the message
 */
export function verdict<Result extends { readonly ok: boolean }>(
  call: string,
  promise: Promise<Result>,
): Promise<Result> {
  return Object.defineProperty(promise, 'ok', {
    get() {
      throw new TypeError(`${call} returns a promise: write \`await ${call}(…)\` before you read \`ok\`.`)
    },
  })
}
