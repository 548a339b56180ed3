/**
 * alipay.trade.page.pay: the cashier page. The trade does not exist at Alipay until the buyer logs in or scans there.
 */
import { checkedLength, FieldError, writeAmount, writeTime } from '@xuecheng/client-kit'
import { checkedAddress, checkedExpiry, checkedSubject, checkedTradeNo } from './fields.ts'
import { encodeForm } from './form.ts'
import { type Call, type Signer, signedRequest } from './request.ts'

/** The fields that both page methods share: the order to pay. */
export interface Pay {
  /** The merchant's number for this payment: letters, digits and underscores, at most 64, unique to the merchant. */
  readonly outTradeNo: string
  /** In fen: 1 to 10,000,000,000. */
  readonly totalAmount: number
  /** At most 256 characters, none of `/`, `=`, `&`. */
  readonly subject: string
  /** At most 128 characters; comes back in the notification and the bill. */
  readonly body?: string | undefined
  /** The buyer cannot pay after this moment; 1 minute to 15 days ahead. */
  readonly timeExpire?: Date | undefined
  /** At most 512 characters once URL-encoded, which this client does; comes back in the notification. */
  readonly passbackParams?: string | undefined
  /** `0` virtual, `1` physical goods. */
  readonly goodsType?: '0' | '1' | undefined
  /** At most 256 characters. */
  readonly returnUrl?: string | undefined
  /** At most 256 characters; without it Alipay sends no notification. */
  readonly notifyUrl?: string | undefined
  /** Any other documented field of biz_content, in Alipay's own spelling. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

export interface PagePay extends Pay {
  /** `0` simple front, `1` front, `2` Alipay's own page, `3` mini, `4` as wide as `qrcodeWidth`. */
  readonly qrPayMode?: '0' | '1' | '2' | '3' | '4' | undefined
  /** In pixels, with `qrPayMode: '4'`. */
  readonly qrcodeWidth?: number | undefined
}

/** @throws FieldError before anything is signed */
export const pagePayCall = (signer: Signer, pay: PagePay): Call =>
  payCall(signer, pay, 'alipay.trade.page.pay', {
    product_code: 'FAST_INSTANT_TRADE_PAY',
    qr_pay_mode: pay.qrPayMode,
    qrcode_width: pay.qrcodeWidth,
  })

export function payCall(signer: Signer, pay: Pay, method: string, more: Readonly<Record<string, unknown>>): Call {
  const { extra, passbackParams } = pay
  const fields = {
    out_trade_no: checkedTradeNo('out_trade_no', pay.outTradeNo),
    total_amount: writeAmount(pay.totalAmount),
    subject: checkedSubject(pay.subject),
    body: checkedLength('body', pay.body, 128),
    time_expire: pay.timeExpire && writeTime(checkedExpiry(pay.timeExpire, signer.clock())),
    passback_params: checkedLength(
      'passback_params',
      passbackParams && encodeURIComponent(passbackParams.toWellFormed()),
      512,
    ),
    goods_type: pay.goodsType,
    ...more,
  }
  return {
    method,
    bizContent: JSON.stringify(extra ? { ...fields, ...checkedExtra(extra, fields) } : fields),
    returnUrl: checkedAddress('return_url', pay.returnUrl),
    notifyUrl: checkedAddress('notify_url', pay.notifyUrl),
  }
}

/** A field with a checked option of its own may not bypass that check through `extra`. @throws FieldError */
function checkedExtra(extra: Readonly<Record<string, unknown>>, fields: Readonly<Record<string, unknown>>) {
  const taken = Object.keys(extra).find((name) => Object.hasOwn(fields, name))
  if (taken !== undefined) throw new FieldError(taken, 'has an option of its own and must not be passed in extra')
  return extra
}

/** A page with a form that submits itself (POST), for contents too long for an address. */
export async function payForm(gateway: string, signer: Signer, call: Call): Promise<string> {
  const { parameters } = await signedRequest(signer, call)
  const inAddress = new Map(parameters)
  inAddress.delete('biz_content') // everything else is in the address, where Alipay reads charset
  const action = escapeHtml(`${gateway}?${encodeForm(inAddress)}`)
  const content = escapeHtml(parameters.get('biz_content') ?? '')
  return `<form action="${action}" method="post" id="alipay" accept-charset="utf-8"><input type="hidden" name="biz_content" value="${content}"></form><script>document.getElementById('alipay').submit()</script>`
}

/**
 * Escapes every character that HTML, or a page in another charset, could misread, `&` included, so that entities in a
 * value survive. (HTML maps the numeric references 128 to 159 to other characters: those stay unescaped.)
 */
const escapeHtml = (text: string): string =>
  text.replace(/[&<>"'`]|[^\x20-\x9f]/gu, (character) => `&#${character.codePointAt(0)};`)
