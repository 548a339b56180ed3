/** The official Node SDK, unmodified, runs all six interfaces and the bill against the sandbox, with keys and with certificates. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { startSandbox } from '@xuecheng/sandbox'
import { AlipaySdk } from 'alipay-sdk'
import iconv from 'iconv-lite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { morningAfter } from '../../harness/sandbox-api.ts'
import { call, fieldsOf, type Json, listen, type Shop, type TestMerchant } from './rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let shop: Shop

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  shop = await listen()
})
afterAll(async () => {
  await sandbox.close()
  await shop.close()
  rmSync(data, { recursive: true })
})

interface CertifiedMerchant extends TestMerchant {
  readonly aesKey: string
  readonly certificates: {
    readonly appCert: string
    readonly alipayCert: string
    readonly rootCert: string
    readonly appCertSn: string
    readonly rootCertSn: string
  } | null
}

async function sdkFor(keyMode: 'key' | 'cert'): Promise<{ merchant: CertifiedMerchant; sdk: AlipaySdk }> {
  const merchant = await call<CertifiedMerchant>(sandbox.url, 'POST', '/merchants', { keyMode })
  const common = {
    appId: merchant.appId,
    privateKey: merchant.appPrivateKey,
    keyType: 'PKCS8' as const,
    gateway: `${sandbox.url}/gateway.do`,
    encryptKey: merchant.aesKey,
  }
  if (!merchant.certificates)
    return { merchant, sdk: new AlipaySdk({ ...common, alipayPublicKey: merchant.alipayPublicKey }) }
  const { appCert, alipayCert, rootCert } = merchant.certificates
  return {
    merchant,
    sdk: new AlipaySdk({
      ...common,
      appCertContent: appCert,
      alipayPublicCertContent: alipayCert,
      alipayRootCertContent: rootCert,
    }),
  }
}

/** Files of a zip, by names decoded from GBK. */
function unzip(archive: Buffer): Map<string, string> {
  const files = new Map<string, string>()
  for (let at = 0; archive.readUInt32LE(at) === 0x04034b50; ) {
    const size = archive.readUInt32LE(at + 18)
    const nameEnd = at + 30 + archive.readUInt16LE(at + 26)
    expect(archive.readUInt16LE(at + 6)).toBe(0)
    const name = iconv.decode(archive.subarray(at + 30, nameEnd), 'gbk')
    files.set(name, iconv.decode(inflateRawSync(archive.subarray(nameEnd, nameEnd + size)), 'gbk'))
    at = nameEnd + size
  }
  return files
}

describe.each(['key', 'cert'] as const)('%s mode', (mode) => {
  test('pay, query, refund, refund query, close, bill', async () => {
    const { merchant, sdk } = await sdkFor(mode)
    const exec = (method: string, bizContent: Json) =>
      sdk.exec(method, { bizContent }, { validateSign: true }) as Promise<Json>
    const before = shop.received.length
    const pay = (
      outTradeNo: string,
      totalAmount: string,
      method = 'alipay.trade.page.pay',
      productCode = 'FAST_INSTANT_TRADE_PAY',
    ) =>
      call<{ trade: { tradeNo: string } }>(sandbox.url, 'POST', '/pay', {
        payUrl: sdk.pageExecute(method, 'GET', {
          notifyUrl: shop.url,
          bizContent: { outTradeNo, totalAmount, subject: '课程，一', body: '备注', productCode },
        }),
      })
    const { trade } = await pay(`${mode}-1`, '39.00')
    await pay(`${mode}-2`, '100.01', 'alipay.trade.wap.pay', 'QUICK_WAP_WAY')
    await shop.got(before + 2)
    for (const body of shop.received.slice(before)) expect(sdk.checkNotifySignV2(fieldsOf(body))).toBe(true)

    expect(
      await exec('alipay.trade.query', { tradeNo: trade.tradeNo, queryOptions: ['fund_bill_list'] }),
    ).toMatchObject({
      code: '10000',
      outTradeNo: `${mode}-1`,
      buyerPayAmount: '39.00',
      fundBillList: [{ fundChannel: 'ALIPAYACCOUNT', amount: '39.00' }],
    })
    expect(
      await exec('alipay.trade.refund', { outTradeNo: `${mode}-1`, refundAmount: '9.00', outRequestNo: 'RF-1' }),
    ).toMatchObject({ fundChange: 'Y', refundFee: '9.00', sendBackFee: '0.00' })
    expect(
      await exec('alipay.trade.fastpay.refund.query', {
        outTradeNo: `${mode}-1`,
        outRequestNo: 'RF-1',
        queryOptions: ['gmt_refund_pay'],
      }),
    ).toMatchObject({ refundStatus: 'REFUND_SUCCESS', refundAmount: '9.00', gmtRefundPay: expect.any(String) })
    await shop.got(before + 3)
    const refunded = fieldsOf(shop.received[before + 2] ?? '')
    expect(sdk.checkNotifySignV2(refunded)).toBe(true)
    expect(refunded).toMatchObject({
      trade_status: 'TRADE_SUCCESS',
      refund_fee: '9.00',
      out_biz_no: 'RF-1',
      gmt_refund: expect.stringMatching(/\.\d{3}$/),
    })
    expect(refunded).not.toHaveProperty('fund_bill_list')
    expect(await exec('alipay.trade.close', { outTradeNo: `${mode}-1` })).toMatchObject({
      code: '40004',
      subCode: 'ACQ.TRADE_STATUS_ERROR',
    })
    // A phone payment that is refunded in full says that it is closed.
    expect(await exec('alipay.trade.refund', { outTradeNo: `${mode}-2`, refundAmount: '100.01' })).toMatchObject({
      fundChange: 'Y',
      refundFee: '100.01',
    })
    await shop.got(before + 4)
    expect(fieldsOf(shop.received[before + 3] ?? '')).toMatchObject({
      trade_status: 'TRADE_CLOSED',
      gmt_close: expect.any(String),
      refund_fee: '100.01',
    })

    const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
    await call(sandbox.url, 'POST', '/clock', { now: morningAfter(now) })
    for (const billType of ['trade', 'signcustomer']) {
      const bill = await exec('alipay.data.dataservice.bill.downloadurl.query', {
        billType,
        billDate: now.slice(0, 10),
      })
      expect(bill).toMatchObject({ code: '10000' })
      const url = String(bill['billDownloadUrl'])
      const files = unzip(Buffer.from(await (await fetch(url)).arrayBuffer()))
      const digits = now.slice(0, 10).replaceAll('-', '')
      const kind = billType === 'trade' ? '业务明细' : '账务明细'
      const names = [
        `${merchant.sellerId}0156_${digits}_${kind}.csv`,
        `${merchant.sellerId}0156_${digits}_${kind}(汇总).csv`,
      ]
      expect([...files.keys()]).toEqual(names)
      if (billType === 'trade') checkTradeBill(files.get(names[0] ?? '') ?? '', mode)
      else expect(files.get(names[0] ?? '')).toContain('100.01')
      await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 31 })
      expect(iconv.decode(Buffer.from(await (await fetch(url)).arrayBuffer()), 'gbk')).toContain('下载超时，请重新下载')
    }
  })
})

function checkTradeBill(text: string, mode: string): void {
  const lines = text.split('\r\n')
  expect(lines[0]).toBe('#支付宝业务明细查询')
  expect(lines[3]).toBe(`#${'-'.repeat(41)}业务明细列表${'-'.repeat(40)}`)
  const rows = lines.slice(5, 9).map((line) => line.split(','))
  expect(rows.map((row) => [row.length, row[1], row[2], row[11], row[21]])).toEqual([
    [25, `${mode}-1\t`, '交易\t', '39.00', '\t'],
    [25, `${mode}-2\t`, '交易\t', '100.01', '\t'],
    [25, `${mode}-1\t`, '退款\t', '-9.00', 'RF-1\t'],
    [25, `${mode}-2\t`, '退款\t', '-100.01', `${mode}-2\t`],
  ])
  expect(lines[10]).toBe('#交易合计：2笔，商家实收共139.01元，商家优惠共0.00元')
  expect(lines[11]).toBe('#退款合计：2笔，商家实收退款共-109.01元，商家优惠退款共0.00元')
}

test('the certificates’ numbers are what the official SDK computes', async () => {
  const { merchant, sdk } = await sdkFor('cert')
  expect(sdk.config).toMatchObject({
    appCertSn: merchant.certificates?.appCertSn,
    alipayRootCertSn: merchant.certificates?.rootCertSn,
  })
  expect(merchant.certificates?.rootCertSn).toMatch(/^[0-9a-f]{32}$/)
})

test('content encryption: the SDK encrypts, the sandbox answers encrypted', async () => {
  const { sdk } = await sdkFor('key')
  const answer = await sdk.exec('alipay.trade.query', { needEncrypt: true, bizContent: { outTradeNo: '没有' } })
  expect(answer).toMatchObject({ code: '40004', subCode: 'ACQ.TRADE_NOT_EXIST', outTradeNo: '没有' })
})
