/** Trade bills for tests, formatted like a production file of 2019: tabs in the same places, GBK, no quoting. */
import { encodeGbk } from './gbk.ts'
import { type ZipFile, zip } from './zip.ts'

export const TRADE =
  '2019091622001400000000000001\t,ORDER_1001\t,交易\t,TypeScript课程,2019-09-16 10:55:16,2019-09-16 10:55:23,\t,\t,\t,\t,*三(137****0000)\t,99.00,99.00,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,\t,-0.59,0.00,'
export const REFUND =
  '2019091622001400000000000001\t,ORDER_1001\t,退款\t,TypeScript课程,2019-09-16 10:55:16,2019-09-16 10:56:48,\t,\t,\t,\t,*三(137****0000)\t,-99.00,-99.00,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,RF_1001_1\t,0.59,0.00,'

export const TRAILER = [
  '#交易合计：1笔，商家实收共99.00元，商家优惠共0.00元',
  '#退款合计：1笔，商家实收退款共-99.00元，商家优惠退款共0.00元',
  '#导出时间：[2019年09月17日 05:46:49]',
]

const DETAIL_TITLES =
  '支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注'

export const detailText = (rows: readonly string[], trailer: readonly string[] = TRAILER, end = '\r\n'): string =>
  [
    '#支付宝业务明细查询',
    '#账号：[20880000000000000156]',
    '#起始日期：[2019年09月16日 00:00:00]   终止日期：[2019年09月17日 00:00:00]',
    `#${'-'.repeat(41)}业务明细列表${'-'.repeat(40)}`,
    DETAIL_TITLES,
    ...rows,
    `#${'-'.repeat(41)}业务明细列表结束${'-'.repeat(36)}`,
    ...trailer,
    '',
  ].join(end)

/** After refunds, the money columns cancel each other out here. */
export const STORE = '\t,\t,1,1,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00'
export const TOTAL = '合计,,1,1,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00'

const SUMMARY_TITLES =
  '门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）'

export const summaryText = (rows: readonly string[] = [STORE, TOTAL], end = '\r\n'): string =>
  [
    '#支付宝业务汇总查询',
    '#账号：[20880000000000000156]',
    '#起始日期：[2019年09月16日 00:00:00]   终止日期：[2019年09月17日 00:00:00]',
    `#${'-'.repeat(41)}业务汇总列表${'-'.repeat(40)}`,
    SUMMARY_TITLES,
    ...rows,
    `#${'-'.repeat(40)}业务汇总列表结束${'-'.repeat(37)}`,
    '',
  ].join(end)

export const billFile = (what: string, text: string): ZipFile => ({
  name: encodeGbk(`20880000000000000156_20190916_${what}.csv`),
  content: encodeGbk(text),
})

export const billArchive = (detail = detailText([TRADE, REFUND]), summary = summaryText()): Buffer =>
  zip([billFile('业务明细(汇总)', summary), billFile('业务明细', detail)])
