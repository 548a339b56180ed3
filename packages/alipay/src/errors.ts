/** What can go wrong, as classes with stable codes. None of them ever holds key material. */

/** The base of every error that this client throws on purpose. */
export class AlipayError extends Error {
  override readonly name: string = 'AlipayError'
  /** Stable; what a program should look at. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A key that cannot be used as what it was given for. */
export class KeyError extends AlipayError {
  override readonly name = 'KeyError'
}

/** A request field that Alipay would refuse; nothing was sent. */
export class FieldError extends AlipayError {
  override readonly name = 'FieldError'
  readonly field: string

  constructor(field: string, message: string) {
    super('INVALID_FIELD', `${field}: ${message}`)
    this.field = field
  }
}

/** Nothing was sent, or Alipay certainly did nothing: the call may be repeated as it is. */
export class NotSentError extends AlipayError {
  override readonly name = 'NotSentError'
}

/**
 * It is not known whether Alipay acted: a time-out after sending, a broken connection, an answer that cannot be believed,
 * or Alipay itself saying that it does not know. Ask (`query`, `refundQuery`) before anything else is done.
 */
export class UnknownOutcomeError extends AlipayError {
  override readonly name = 'UnknownOutcomeError'
  /** The text that a refused signature was checked against. */
  readonly signed: string | undefined

  constructor(code: string, message: string, options?: ErrorOptions & { readonly signed?: string | undefined }) {
    super(code, message, options)
    this.signed = options?.signed
  }
}

/** Alipay refused the request: its signature, its application, its parameters. Nothing happened. */
export class GatewayRefusedError extends AlipayError {
  override readonly name = 'GatewayRefusedError'
  readonly subCode: string
  readonly subMessage: string
  /**
   * False for the few refusals that Alipay does not sign (unknown application, unknown method): anybody on the way could
   * have written them, so that they are a hint, and never a fact about money.
   */
  readonly verified: boolean
  /** The canonical string of the request, where its signature was refused. */
  readonly signed: string | undefined

  constructor(
    code: string,
    {
      subCode,
      subMsg,
      verified,
      advice = '',
      signed,
    }: {
      readonly subCode: string
      readonly subMsg: string
      readonly verified: boolean
      readonly advice?: string
      readonly signed?: string | undefined
    },
  ) {
    super(code, [`${subCode || code}: ${subMsg}`, advice].filter(Boolean).join('\n'))
    this.subCode = subCode
    this.subMessage = subMsg
    this.verified = verified
    this.signed = signed
  }
}

/** A bill that cannot be had or cannot be trusted: download, archive, or rows that disagree with their own totals. */
export class BillError extends AlipayError {
  override readonly name = 'BillError'
}
