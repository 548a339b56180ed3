/** The words of the sandbox's phone. */
import type { Language } from '../cashier/texts.ts'
import type { WechatRefusal } from './payments.ts'

const zh = {
  title: '微信支付',
  scanned: '手机已扫到这个二维码',
  description: '商品',
  leave: '放弃付款，返回商户',
  successStay: '可以关闭此页面；商户的页面会自己更新。',
}

const en: typeof zh = {
  title: 'WeChat Pay',
  scanned: 'The phone has scanned this code',
  description: 'Item',
  leave: 'Leave without paying',
  successStay: 'You can close this page; the merchant’s page updates by itself.',
}

export const PHONE_TEXTS: Readonly<Record<Language, typeof zh>> = { 'zh-CN': zh, en }

const REFUSALS: Readonly<Record<WechatRefusal, readonly [zh: string, en: string]>> = {
  PAID: ['这笔订单已经支付。', 'This order has been paid.'],
  CLOSED: ['这笔订单已经关闭，请在商户处重新下单。', 'This order is closed. Please order again.'],
  EXPIRED: ['这笔订单已超过付款截止时间。', 'The time to pay this order has run out.'],
  LINK_ENDED: ['这个二维码已失效，请在商户处刷新。', 'This code has ended. Refresh it at the merchant’s.'],
  OTHER_BUYER: ['这笔订单正由另一位用户支付。', 'Another user is paying this order.'],
  BALANCE_NOT_ENOUGH: ['零钱余额不足，请更换账户。', 'The balance is too low. Use another account.'],
  PAYMENT_PASSWORD_ERROR: ['支付密码不正确，请重新输入。', 'The payment password is wrong. Please try again.'],
}

export const phoneRefusal = (refusal: WechatRefusal, language: Language): string =>
  REFUSALS[refusal][language === 'en' ? 1 : 0]
