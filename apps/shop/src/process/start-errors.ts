/** Start failures that are not bugs: one line explains them, and a stack would only hide it. */

/** The error was already printed by another process and is not printed again. */
export class SaidError extends Error {
  override readonly name = 'SaidError'
}

/** A process of the shop was not ready in time, or was ended from outside. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError'
}
