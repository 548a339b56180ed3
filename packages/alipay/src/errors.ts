/** The errors, as classes with stable codes. None of them ever holds key material. */
import { ClientError } from '@xuecheng/client-kit'

/** The base classes are shared by all clients of the kit: one `catch` can tell outcomes apart at any gateway. */
export {
  BillError,
  ClientError as AlipayError,
  FieldError,
  KeyError,
  NotSentError,
  UnknownOutcomeError,
} from '@xuecheng/client-kit'

/** Alipay refused the request itself: its signature, its application or its parameters. Nothing happened. */
export class GatewayRefusedError extends ClientError {
  override readonly name = 'GatewayRefusedError'
  readonly subCode: string
  readonly subMessage: string
  /**
   * False for the few refusals that Alipay does not sign (unknown application, unknown method). A man in the middle
   * could have written those: treat them as a hint, never as a fact about money.
   */
  readonly verified: boolean
  /** The canonical string of the request, when its signature was rejected. */
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
