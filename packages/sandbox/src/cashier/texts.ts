/** The cashier's texts in two languages. */
import type { Refusal } from '../alipay/trades/pay.ts'

export type Language = 'zh-CN' | 'en'

const zh = {
  title: '收银台',
  band: '沙箱 · Sandbox — 这里花的都是测试资金',
  other: 'English',
  payTo: '收款方',
  order: '订单号',
  amount: '应付金额',
  due: '请在此时间前付款',
  loginTitle: '登录沙箱买家账户',
  loginHint: '默认买家 buyer@sandbox.example，登录密码与支付密码均为 111111。',
  login: '账户',
  password: '登录密码',
  loginButton: '登录',
  loginWrong: '账户或登录密码不正确，请重新输入。',
  account: '付款账户',
  balance: '账户余额',
  switchAccount: '更换账户',
  paymentPassword: '支付密码',
  payButton: '确认付款',
  leave: '放弃付款，返回商户',
  scan: '用另一台设备扫码付款',
  scanHint: '扫码打开同一个收银台，登录后即可付款；付款后此页面会自动继续。',
  successTitle: '付款成功',
  successWords: '款项已从沙箱余额中扣除，并已记录。',
  successReturn: '即将自动返回商户…',
  successStay: '商户未提供返回地址，可以关闭此页面。',
  returnButton: '返回商户',
  tradeNo: '交易号',
  paidAt: '付款时间',
  waitingTitle: '付款处理中',
  waitingWords: '您已确认付款，款项正在划转，请稍候…',
  refusedTitle: '无法付款',
  refusedNext: '没有扣款。请回到商户页面重新下单。',
  refusedOther: '没有扣款。请换一个账户，或回到商户页面重新下单。',
  unknownTitle: '找不到这笔付款',
  unknownWords: '链接不完整，或者沙箱已被重置。请回到商户页面重新发起付款。',
  formExpired: '页面已过期，请再试一次。',
  blockedTitle: '微信里打不开这个页面',
  blockedAlipay: '微信的浏览器屏蔽支付宝的页面，真实环境也一样。请在手机自带的浏览器中打开订单付款。',
  blockedH5: '请在微信外打开订单，进行支付。H5 支付只能在微信以外的浏览器中使用，真实环境也一样。',
  code: '错误代码',
}

export type Texts = typeof zh

const en: Texts = {
  title: 'Cashier',
  band: '沙箱 · Sandbox — play money only',
  other: '中文',
  payTo: 'Pay to',
  order: 'Order number',
  amount: 'Amount due',
  due: 'Pay before',
  loginTitle: 'Log in as a sandbox buyer',
  loginHint: 'Default buyer: buyer@sandbox.example; login and payment password are both 111111.',
  login: 'Account',
  password: 'Login password',
  loginButton: 'Log in',
  loginWrong: 'The account or the login password is wrong. Please try again.',
  account: 'Paying from',
  balance: 'Balance',
  switchAccount: 'Use another account',
  paymentPassword: 'Payment password',
  payButton: 'Pay',
  leave: 'Leave without paying',
  scan: 'Scan to pay on another device',
  scanHint: 'The code opens this cashier. Log in and pay there; this page then continues by itself.',
  successTitle: 'Payment received',
  successWords: 'The amount was taken from the sandbox balance and recorded.',
  successReturn: 'Taking you back to the merchant…',
  successStay: 'The merchant gave no return address. You can close this page.',
  returnButton: 'Return to merchant',
  tradeNo: 'Trade number',
  paidAt: 'Paid at',
  waitingTitle: 'Payment in progress',
  waitingWords: 'You have confirmed. The payment is being processed; please wait…',
  refusedTitle: 'This order cannot be paid',
  refusedNext: 'No money was taken. Go back to the merchant and order again.',
  refusedOther: 'No money was taken. Use another account, or go back to the merchant and order again.',
  unknownTitle: 'No such checkout',
  unknownWords:
    'The link is incomplete, or the sandbox was reset. Go back to the merchant and start the payment again.',
  formExpired: 'This page was out of date. Please try again.',
  blockedTitle: 'WeChat does not open this page',
  blockedAlipay:
    'WeChat’s browser blocks Alipay’s pages, as the real one does. Open the order in the phone’s own browser to pay.',
  blockedH5:
    'Open the order outside WeChat to pay. H5 payments work only in other browsers, as with the real WeChat Pay.',
  code: 'Code',
}

export const TEXTS: Readonly<Record<Language, Texts>> = { 'zh-CN': zh, en }

const REFUSALS: Readonly<Record<Refusal, readonly [zh: string, en: string]>> = {
  TRADE_HAS_SUCCESS: ['交易已被支付，不能重复付款。', 'This trade has already been paid.'],
  TRADE_HAS_CLOSE: ['交易已关闭，请在商户处重新下单。', 'This trade is closed. Please order again.'],
  CONTEXT_INCONSISTENT: [
    '交易信息被篡改：同一订单号的金额或标题与之前不一致。',
    'The order was changed: its amount or subject differs from the first request with this number.',
  ],
  NOW_TIME_AFTER_EXPIRE_TIME_ERROR: ['订单已超过付款截止时间。', 'The time to pay this order has run out.'],
  TRADE_BUYER_NOT_MATCH: [
    '这笔交易属于另一位买家，请更换账户。',
    'This trade belongs to another buyer. Use another account.',
  ],
  BUYER_BALANCE_NOT_ENOUGH: ['账户余额不足，请更换账户。', 'The balance is too low. Use another account.'],
  PAYMENT_PASSWORD_ERROR: ['支付密码不正确，请重新输入。', 'The payment password is wrong. Please try again.'],
}

export function refusalText(refusal: Refusal, language: Language): string {
  return REFUSALS[refusal][language === 'en' ? 1 : 0]
}

/**
 * The language of a request: the switch's cookie, else the browser's preference; Chinese unless English comes first.
 */
export function languageOf(cookie: string | undefined, accepted: string | undefined): Language {
  if (cookie === 'en' || cookie === 'zh-CN') return cookie
  const ranked = (accepted ?? '')
    .split(',')
    .map((part) => {
      const [name = '', quality = ''] = part.trim().split(';q=')
      return { name: name.toLowerCase(), quality: quality === '' ? 1 : Number(quality) || 0 }
    })
    .toSorted((a, b) => b.quality - a.quality)
  const first = ranked.find(({ name }) => name.startsWith('zh') || name.startsWith('en'))
  return first?.name.startsWith('en') ? 'en' : 'zh-CN'
}
