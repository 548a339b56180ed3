/** What can go wrong, as classes with stable codes. None of them ever holds key material. */
import { ClientError } from '@xuecheng/client-kit'

/** The base is one for all clients of the kit, so that one `catch` can tell outcomes apart at any gateway. */
export {
  BillError,
  ClientError as AlipayError,
  FieldError,
  KeyError,
  NotSentError,
  UnknownOutcomeError,
} from '@xuecheng/client-kit'

/** Alipay refused the request: its signature, its application, its parameters. Nothing happened. */
export class GatewayRefusedError extends ClientError {
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
