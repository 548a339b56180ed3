/** The names of payment methods, as used in the API, the database and the settings. */
export const PAY_TYPES = ['alipay', 'wechat'] as const

export type PayType = (typeof PAY_TYPES)[number]
