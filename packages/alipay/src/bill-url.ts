/**
 * alipay.data.dataservice.bill.downloadurl.query: where a past day's or month's bill can be fetched, for 30 seconds.
 */
import { type CallOptions, FieldError } from '@xuecheng/client-kit'
import { textOf, unexpected } from './about.ts'
import { execute, type Transport } from './execute.ts'
import { BILL_SUB_CODES, type BillSubCode, type BusinessRefusal, businessRefusal } from './sub-codes.ts'

export interface BillQuery {
  /** `trade`: payments and refunds through the interfaces; `signcustomer`: every movement of the account. */
  readonly billType: 'trade' | 'signcustomer' | 'merchant_act' | 'trade_zft_merchant' | 'zft_acc' | 'settlementMerge'
  /** `yyyy-MM-dd` or `yyyy-MM`, in Beijing time; a past period. */
  readonly billDate: string
}

export interface BillUrl {
  readonly ok: true
  /** Valid for 30 seconds. */
  readonly url: string
  /** Whether the file exists but has no rows. */
  readonly empty: boolean
}

/** @throws UnknownOutcomeError, NotSentError, GatewayRefusedError. Retries by itself: a query changes nothing. */
export async function queryBillUrl(
  transport: Transport,
  { billType, billDate }: BillQuery,
  options?: CallOptions,
): Promise<BillUrl | BusinessRefusal<BillSubCode>> {
  if (!/^\d{4}-\d{2}(?:-\d{2})?$/.test(billDate)) throw new FieldError('bill_date', 'must be yyyy-MM-dd or yyyy-MM')
  const bizContent = JSON.stringify({ bill_type: billType, bill_date: billDate })
  const call = { method: 'alipay.data.dataservice.bill.downloadurl.query', bizContent }
  const fields = await execute(transport, call, options, { repeatAfterUnknown: true })
  if (fields.code !== '10000') return businessRefusal(fields, BILL_SUB_CODES)
  const url = textOf(fields, 'bill_download_url')
  if (!/^https?:\/\//i.test(url)) throw unexpected('bill')
  return { ok: true, url, empty: textOf(fields, 'bill_file_code') === 'EMPTY_DATA_WITH_BILL_FILE' }
}
