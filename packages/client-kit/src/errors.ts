/** What can go wrong at any gateway, as classes with stable codes. None of them ever holds key material. */

/** The base of every error that the clients throw on purpose. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError'
  /** Stable; what a program should look at. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A key that cannot be used as what it was given for. */
export class KeyError extends ClientError {
  override readonly name = 'KeyError'
}

/** A request field that the gateway would refuse; nothing was sent. */
export class FieldError extends ClientError {
  override readonly name = 'FieldError'
  readonly field: string

  constructor(field: string, message: string) {
    super('INVALID_FIELD', `${field}: ${message}`)
    this.field = field
  }
}

/** Nothing was sent, or the gateway certainly did nothing: the call may be repeated as it is. */
export class NotSentError extends ClientError {
  override readonly name = 'NotSentError'
}

/**
 * It is not known whether the gateway acted: a time-out after sending, a broken connection, an answer that cannot be
 * believed, or the gateway itself saying that it does not know. Ask (`query`, `refundQuery`) before anything else is done.
 */
export class UnknownOutcomeError extends ClientError {
  override readonly name = 'UnknownOutcomeError'
  /** The text that a refused signature was checked against. */
  readonly signed: string | undefined

  constructor(code: string, message: string, options?: ErrorOptions & { readonly signed?: string | undefined }) {
    super(code, message, options)
    this.signed = options?.signed
  }
}

/** A bill that cannot be had or cannot be trusted: download, archive, or rows that disagree with their own totals. */
export class BillError extends ClientError {
  override readonly name = 'BillError'
}
