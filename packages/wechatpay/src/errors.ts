/** The errors, as classes with stable codes. None of them ever holds key material or a buyer's identifier. */
import { ClientError } from '@xuecheng/client-kit'

/** The base classes are shared by all clients of the kit: one `catch` can tell outcomes apart at any gateway. */
export {
  BillError,
  ClientError as WechatPayError,
  FieldError,
  KeyError,
  NotSentError,
  UnknownOutcomeError,
} from '@xuecheng/client-kit'

/**
 * WeChat Pay refused the request itself: its signature, its merchant or its path. Not all refusals are signed, so that
 * nothing happened is only a hint, never a fact about money.
 */
export class GatewayRefusedError extends ClientError {
  override readonly name = 'GatewayRefusedError'
  /** The HTTP status. */
  readonly status: number
  /** The request id, which WeChat's support asks for. */
  readonly requestId: string | undefined
  /** The signed text of the request, when its signature was rejected. */
  readonly signed: string | undefined

  constructor(
    code: string,
    message: string,
    about: {
      readonly status: number
      readonly requestId?: string | undefined
      readonly signed?: string | undefined
    },
  ) {
    super(code, message)
    this.status = about.status
    this.requestId = about.requestId
    this.signed = about.signed
  }
}
