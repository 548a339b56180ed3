/** How a start ends without anything of ours being broken: one line says it, and a stack would only hide that line. */

/** What somebody else has said already, in a line of its own: it is not printed again. */
export class SaidError extends Error {
  override readonly name = 'SaidError'
}

/** A process of the shop was not there in time, or was ended from outside. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError'
}
