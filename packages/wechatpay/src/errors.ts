/** What can go wrong, as classes with stable codes. None of them ever holds key material or what a buyer is known by. */
import { ClientError } from '@xuecheng/client-kit'

/** The base is one for all clients of the kit, so that one `catch` can tell outcomes apart at any gateway. */
export {
  BillError,
  ClientError as WechatPayError,
  FieldError,
  KeyError,
  NotSentError,
  UnknownOutcomeError,
} from '@xuecheng/client-kit'

/**
 * WeChat Pay refused the request itself: its signature, its merchant, its path. Nothing happened, if it was WeChat Pay that
 * said so: refusals are not all signed, so that they are a hint, and never a fact about money.
 */
export class GatewayRefusedError extends ClientError {
  override readonly name = 'GatewayRefusedError'
  /** The HTTP status. */
  readonly status: number
  /** What WeChat's support asks for. */
  readonly requestId: string | undefined
  /** The text of the request that was signed, where its signature was refused. */
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
