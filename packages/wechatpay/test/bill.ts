/** Bills for tests, in WeChat's format. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { type Received, signed } from './wechat-side.ts'

export const TRADE_TITLES =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注'
export const TRADE_SUMMARY =
  '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额'

export const PAYMENT_ROW =
  '`2026-01-01 12:05:30,`wx0000000000000001,`1900000001,`0,`,`4200002300202601011234567890,`ORD20260101000001,`oSimUser000000000000000000001,`NATIVE,`SUCCESS,`OTHERS,`CNY,`199.00,`0.00,`0,`0,`0.00,`0.00,`,`,`TypeScript course,`,`1.19000,`0.60%,`199.00,`0.00,`'
export const REFUND_ROW =
  '`2026-01-01 13:00:00,`wx0000000000000001,`1900000001,`0,`,`4200002300202601011234567890,`ORD20260101000001,`oSimUser000000000000000000001,`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50303400132026010212345678901,`RFD20260102000001,`50.00,`0.00,`ORIGINAL,`SUCCESS,`TypeScript course,`,`-0.30000,`0.60%,`0.00,`50.00,`'

export const tradeBill = (rows: readonly string[], totals: string): string =>
  [TRADE_TITLES, ...rows, TRADE_SUMMARY, totals, ''].join('\n')

export const DAY_BILL = tradeBill([PAYMENT_ROW, REFUND_ROW], '`2,`199.00,`50.00,`0.00,`0.89000,`199.00,`50.00')

/** Answers the request for a file's address, and the request for the file. */
export function billServer(
  file: string | Buffer,
  { packed = true, hash, status = 200 }: { packed?: boolean; hash?: string; status?: number } = {},
) {
  const bytes = Buffer.from(file)
  return (response: ServerResponse, { target, headers }: Received) => {
    if (target.startsWith('/v3/billdownload/'))
      return response.writeHead(status, { 'content-type': 'application/x-gzip' }).end(packed ? gzipSync(bytes) : bytes)
    return signed(response, 200, {
      download_url: `http://${headers.host}/v3/billdownload/file?token=a%2Fb&tartype=gzip`,
      hash_type: 'SHA1',
      hash_value: hash ?? createHash('sha1').update(bytes).digest('hex'),
    })
  }
}
