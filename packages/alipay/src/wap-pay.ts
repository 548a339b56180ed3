/** alipay.trade.wap.pay: the same as page.pay for a phone's browser; may open the Alipay app. */
import { checkedLength } from './fields.ts'
import { addressOf, formOf, type Pay, payRequest } from './page-pay.ts'
import type { SignedRequest, Signer } from './request.ts'

export interface WapPay extends Pay {
  /** Where the buyer goes who gives up, at most 400 characters. */
  readonly quitUrl?: string | undefined
}

/** A signed address for the phone's browser (GET). @throws FieldError */
export async function wapPayUrl(gateway: string, signer: Signer, pay: WapPay): Promise<string> {
  return addressOf(gateway, await wapPayRequest(signer, pay))
}

/** A page with a form that sends itself (POST). @throws FieldError */
export async function wapPayForm(gateway: string, signer: Signer, pay: WapPay): Promise<string> {
  return formOf(gateway, await wapPayRequest(signer, pay))
}

const wapPayRequest = (signer: Signer, pay: WapPay): Promise<SignedRequest> =>
  payRequest(signer, pay, 'alipay.trade.wap.pay', {
    product_code: 'QUICK_WAP_WAY',
    quit_url: checkedLength('quit_url', pay.quitUrl, 400),
  })
