/** The errors common to all gateways, as classes with stable codes. None of them ever holds key material. */

/** The base class of every error that the clients throw deliberately. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError'
  /** Stable; programs should compare this. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A key that cannot be used for its purpose. */
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

/** Nothing was sent, or the gateway certainly did nothing: the call may be repeated unchanged. */
export class NotSentError extends ClientError {
  override readonly name = 'NotSentError'
}

/**
 * It is unknown whether the gateway acted: a time-out after sending, a broken connection, an answer that cannot be
 * trusted, or the gateway itself reporting an unknown outcome. Query (`query`, `refundQuery`) before doing anything
 * else.
 */
export class UnknownOutcomeError extends ClientError {
  override readonly name = 'UnknownOutcomeError'
  /** The text that a rejected signature was checked against. */
  readonly signed: string | undefined

  constructor(code: string, message: string, options?: ErrorOptions & { readonly signed?: string | undefined }) {
    super(code, message, options)
    this.signed = options?.signed
  }
}

/** A bill that is unavailable or untrustworthy: download, archive, or rows that disagree with their own totals. */
export class BillError extends ClientError {
  override readonly name = 'BillError'
}
