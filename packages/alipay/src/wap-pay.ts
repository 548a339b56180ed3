/** alipay.trade.wap.pay: like page.pay, for a phone's browser; may open the Alipay app. */
import { checkedLength } from '@xuecheng/client-kit'
import { type Pay, payCall } from './page-pay.ts'
import type { Call, Signer } from './request.ts'

export interface WapPay extends Pay {
  /** Where a buyer who gives up is sent, at most 400 characters. */
  readonly quitUrl?: string | undefined
}

/** @throws FieldError before anything is signed */
export const wapPayCall = (signer: Signer, pay: WapPay): Call =>
  payCall(signer, pay, 'alipay.trade.wap.pay', {
    product_code: 'QUICK_WAP_WAY',
    quit_url: checkedLength('quit_url', pay.quitUrl, 400),
  })
