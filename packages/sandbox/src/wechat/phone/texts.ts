/** The texts of the sandbox's phone. */
import type { Language } from '../../cashier/texts.ts'
import type { WechatRefusal } from '../trades/pay.ts'

const zh = {
  title: '微信支付',
  scanned: '手机已扫描此二维码',
  description: '商品',
  leave: '放弃付款，返回商户',
  successStay: '可以关闭此页面；商户页面会自动更新。',
  foreignReferer: 'H5 支付只能从商户登记过的支付域名的页面打开。请求没有带 Referer，或者来自别的域名。',
  foreignReturn: '支付后返回的地址不在商户登记过的支付域名下。',
  noDomain: '（没有）',
  registered: '已登记的 H5 支付域名',
  registeredHint:
    '真实的微信支付同样会拒绝。检查页面的 Referrer-Policy（不能是 no-referrer），或者在沙箱中登记这个域名：商户 rules 里的 h5Domains。',
  elsewhereAddress: '下单时写的付款人地址（payer_client_ip）不是公网地址，也不是您现在的地址。',
  saidAddress: '下单时的付款人地址',
  yourAddress: '您现在的地址',
  elsewhereHint: '真实的微信支付同样会拒绝。商户在反向代理后面时，要取真实的客户端地址（学城：TRUST_PROXY）。',
}

const en: typeof zh = {
  title: 'WeChat Pay',
  scanned: 'The phone has scanned this code',
  description: 'Item',
  leave: 'Leave without paying',
  successStay: 'You can close this page; the merchant’s page updates by itself.',
  foreignReferer:
    'An H5 payment opens only from a page of a domain that the merchant registered. This request had no Referer, or one of another domain.',
  foreignReturn: 'The address to return to is not on a domain that the merchant registered.',
  noDomain: '(none)',
  registered: 'Registered H5 domains',
  registeredHint:
    'The real WeChat Pay refuses it too. Check the page’s Referrer-Policy (it must not be no-referrer), or register the domain in the sandbox: h5Domains in the merchant’s rules.',
  elsewhereAddress: 'The order’s client address (payer_client_ip) is not public, and it is not your current address.',
  saidAddress: 'Client address in the order',
  yourAddress: 'Your current address',
  elsewhereHint:
    'The real WeChat Pay refuses it too. A merchant behind a reverse proxy must pass on the client’s real address (Xuecheng: TRUST_PROXY).',
}

export const PHONE_TEXTS: Readonly<Record<Language, typeof zh>> = { 'zh-CN': zh, en }

const REFUSALS: Readonly<Record<WechatRefusal, readonly [zh: string, en: string]>> = {
  PAID: ['这笔订单已经支付。', 'This order has been paid.'],
  CLOSED: ['这笔订单已经关闭，请在商户处重新下单。', 'This order is closed. Please order again.'],
  EXPIRED: ['这笔订单已超过付款截止时间。', 'The time to pay this order has run out.'],
  LINK_ENDED: ['这个二维码已失效，请在商户处刷新。', 'This code has expired. Refresh it on the merchant’s page.'],
  OTHER_BUYER: ['这笔订单正由另一位用户支付。', 'Another user is paying this order.'],
  BALANCE_NOT_ENOUGH: ['零钱余额不足，请更换账户。', 'The balance is too low. Use another account.'],
  PAYMENT_PASSWORD_ERROR: ['支付密码不正确，请重新输入。', 'The payment password is wrong. Please try again.'],
}

export const phoneRefusal = (refusal: WechatRefusal, language: Language): string =>
  REFUSALS[refusal][language === 'en' ? 1 : 0]
