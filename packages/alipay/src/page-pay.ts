/** alipay.trade.page.pay: where the browser goes to pay. Nothing exists at Alipay until the buyer logs in or scans there. */
import { FieldError } from './errors.ts'
import { encodeForm } from './form.ts'
import { writeAmount } from './money.ts'
import { type Signer, signedRequest } from './request.ts'
import { writeTime } from './timestamp.ts'

export interface PagePay {
  /** The merchant's number of this payment: letters, digits and underscores, at most 64, unique to the merchant. */
  readonly outTradeNo: string
  /** In fen: 1 to 10,000,000,000. */
  readonly totalAmount: number
  /** At most 256 characters, none of `/`, `=`, `&`. */
  readonly subject: string
  /** At most 128 characters; comes back in the notification and the bill. */
  readonly body?: string | undefined
  /** After this moment the buyer can no longer pay: at least a minute and at most 15 days ahead. */
  readonly timeExpire?: Date | undefined
  /** At most 512 characters; comes back in the notification. Encoded here. */
  readonly passbackParams?: string | undefined
  /** `0` virtual, `1` physical goods. */
  readonly goodsType?: '0' | '1' | undefined
  readonly qrPayMode?: '0' | '1' | '2' | '3' | '4' | undefined
  readonly returnUrl?: string | undefined
  readonly notifyUrl?: string | undefined
  /** Any other documented field of biz_content. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

const METHOD = 'alipay.trade.page.pay'

/** A signed address for the browser (GET). @throws FieldError before anything is signed */
export async function pagePayUrl(gateway: string, signer: Signer, pay: PagePay): Promise<string> {
  return `${gateway}?${encodeForm(await pagePayParameters(signer, pay))}`
}

/** A page with a form that sends itself (POST), for contents too long for an address. @throws FieldError */
export async function pagePayForm(gateway: string, signer: Signer, pay: PagePay): Promise<string> {
  const parameters = await pagePayParameters(signer, pay)
  const content = parameters.get('biz_content') ?? ''
  parameters.delete('biz_content') // everything else stands in the address: Alipay reads charset from there
  const action = escapeHtml(`${gateway}?${encodeForm(parameters)}`)
  return `<form action="${action}" method="post" id="alipay"><input type="hidden" name="biz_content" value="${escapeHtml(content)}"></form><script>document.getElementById('alipay').submit()</script>`
}

/** Every character that HTML could read as something else, so that entities inside a value survive. */
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

function pagePayParameters(signer: Signer, pay: PagePay): Promise<Map<string, string>> {
  const bizContent = JSON.stringify({
    out_trade_no: checkedTradeNo(pay.outTradeNo),
    total_amount: writeAmount(pay.totalAmount),
    subject: checkedSubject(pay.subject),
    product_code: 'FAST_INSTANT_TRADE_PAY',
    body: checkedLength('body', pay.body, 128),
    time_expire: pay.timeExpire && writeTime(checkedExpiry(pay.timeExpire, signer.clock())),
    passback_params: checkedLength(
      'passback_params',
      pay.passbackParams && encodeURIComponent(pay.passbackParams),
      512,
    ),
    goods_type: pay.goodsType,
    qr_pay_mode: pay.qrPayMode,
    ...pay.extra,
  })
  return signedRequest(signer, { method: METHOD, bizContent, returnUrl: pay.returnUrl, notifyUrl: pay.notifyUrl })
}

export function checkedTradeNo(outTradeNo: string): string {
  // A hyphen occurs in genuine notifications although the documents forbid it.
  if (/^[A-Za-z0-9_-]{1,64}$/.test(outTradeNo)) return outTradeNo
  throw new FieldError('out_trade_no', 'must be 1 to 64 letters, digits and underscores')
}

export function checkedSubject(subject: string): string {
  if (subject.trim() === '') throw new FieldError('subject', 'must not be empty')
  if (/[/=&]/.test(subject)) throw new FieldError('subject', 'must not contain / = &')
  return checkedLength('subject', subject, 256) ?? ''
}

export function checkedLength(field: string, text: string | undefined, most: number): string | undefined {
  if (text !== undefined && text.length > most)
    throw new FieldError(field, `must not be longer than ${most} characters`)
  return text === '' ? undefined : text
}

/** A minute less a few seconds: the request itself takes a moment. */
const LEAST_MS = 55_000
const MOST_MS = 15 * 86_400_000

export function checkedExpiry(at: Date, now: Date): Date {
  const ahead = at.getTime() - now.getTime()
  if (ahead < LEAST_MS || ahead > MOST_MS)
    throw new FieldError('time_expire', 'must lie between 1 minute and 15 days ahead')
  return at
}
