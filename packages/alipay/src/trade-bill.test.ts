import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { billArchive, billFile, detailText, REFUND, STORE, summaryText, TOTAL, TRADE, TRAILER } from '../test/bill.ts'
import { zip } from '../test/zip.ts'
import { downloadBill } from './bill-download.ts'
import { readBillRow } from './bill-row.ts'
import { readTradeBill } from './trade-bill.ts'

describe('a trade bill', () => {
  test('is read from both files, with amounts in fen and times as dates', async () => {
    const bill = await readTradeBill(billArchive())
    expect(bill).toMatchObject({
      account: '20880000000000000156',
      from: new Date('2019-09-15T16:00:00Z'),
      until: new Date('2019-09-16T16:00:00Z'),
      exportedAt: new Date('2019-09-16T21:46:49Z'),
    })
    expect(bill.rows).toHaveLength(2)
    expect(bill.rows[0]).toEqual({
      tradeNo: '2019091622001400000000000001',
      outTradeNo: 'ORDER_1001',
      kind: 'trade',
      subject: 'TypeScript课程',
      createdAt: new Date('2019-09-16T02:55:16Z'),
      completedAt: new Date('2019-09-16T02:55:23Z'),
      storeNo: '',
      storeName: '',
      operator: '',
      terminal: '',
      account: '*三(137****0000)',
      orderAmount: 9900,
      receiptAmount: 9900,
      alipayRedPacket: 0,
      pointAmount: 0,
      alipayDiscount: 0,
      merchantDiscount: 0,
      voucherAmount: 0,
      voucherName: '',
      merchantRedPacket: 0,
      cardAmount: 0,
      refundRequestNo: '',
      serviceFee: -59,
      royalty: 0,
      remark: '',
    })
    expect(bill.rows[1]).toMatchObject({
      kind: 'refund',
      orderAmount: -9900,
      receiptAmount: -9900,
      refundRequestNo: 'RF_1001_1',
      serviceFee: 59,
      completedAt: new Date('2019-09-16T02:56:48Z'),
    })
    expect(bill.summary.total).toMatchObject({ tradeCount: 1, refundCount: 1, netAmount: 0 })
    expect(bill.summary.stores).toHaveLength(1)
  })

  test('with other line ends, files in the other order, and uninformative names', async () => {
    const detail = detailText([TRADE, REFUND], TRAILER, '\n')
    const archive = zip([billFile('a', detail), billFile('b', summaryText([STORE, TOTAL], '\n'))])
    expect((await readTradeBill(archive)).rows).toHaveLength(2)
  })

  test('of an empty day', async () => {
    const trailer = [
      '#交易合计：0笔，商家实收共0.00元，商家优惠共0.00元',
      '#退款合计：0笔，商家实收退款共0.00元，商家优惠退款共0.00元',
    ]
    const summary = summaryText(['合计,,0,0,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00'])
    expect((await readTradeBill(billArchive(detailText([], trailer), summary))).rows).toEqual([])
  })

  test('whose summary gives the takings before refunds', async () => {
    const gross = '1,1,99.00,99.00,0.00,0.00,0.00,0.00,0.00,99.00'
    const bill = await readTradeBill(billArchive(undefined, summaryText([`,,${gross}`, `合计,,${gross}`])))
    expect(bill.summary.total.receiptAmount).toBe(9900)
  })

  test('whose summary has no stores, only the total', async () => {
    expect((await readTradeBill(billArchive(undefined, summaryText([TOTAL])))).summary.stores).toEqual([])
  })
})

describe('a bill that disagrees with itself is refused:', () => {
  const refused = (archive: Buffer, code: string) =>
    expect(readTradeBill(archive)).rejects.toThrow(expect.objectContaining({ name: 'BillError', code }))

  const trailers: Readonly<Record<string, [string, string]>> = {
    'the count of trades': ['合计：1笔，商家实收共', '合计：2笔，商家实收共'],
    'the takings of trades': ['实收共99.00', '实收共99.01'],
    'the discounts of trades': ['优惠共0.00', '优惠共0.01'],
    'the count of refunds': ['退款合计：1笔', '退款合计：0笔'],
    'the takings of refunds': ['退款共-99.00', '退款共-98.99'],
    'the discounts of refunds': ['优惠退款共0.00', '优惠退款共-0.01'],
  }
  for (const [what, [from, to]] of Object.entries(trailers)) {
    test(what, async () => {
      const changed = TRAILER.map((line) => line.replace(from, to))
      expect(changed).not.toEqual(TRAILER)
      await refused(billArchive(detailText([TRADE, REFUND], changed)), 'BILL_DISAGREES')
    })
  }

  test('a row one fen off, one row missing, one row twice', async () => {
    const off = TRADE.replace(',99.00,99.00,', ',99.00,98.99,')
    for (const rows of [[off, REFUND], [TRADE], [TRADE, REFUND, REFUND], [TRADE, TRADE, REFUND]])
      await refused(billArchive(detailText(rows)), 'BILL_DISAGREES')
  })

  test('a summary with another count, another sum, or a total that does not match its rows', async () => {
    const other = (from: string, to: string) => [STORE.replace(from, to), TOTAL.replace(from, to)]
    await refused(billArchive(undefined, summaryText(other(',1,1,', ',2,1,'))), 'BILL_DISAGREES')
    await refused(billArchive(undefined, summaryText(other(',1,1,', ',1,0,'))), 'BILL_DISAGREES')
    await refused(billArchive(undefined, summaryText(other(',1,1,0.00', ',1,1,0.01'))), 'BILL_DISAGREES')
    await refused(
      billArchive(undefined, summaryText([STORE, TOTAL.replace('0.00,0.00', '0.01,0.00')])),
      'BILL_DISAGREES',
    )
    await refused(billArchive(undefined, summaryText([STORE, STORE, TOTAL])), 'BILL_DISAGREES')
    const only = (total: string) => billArchive(undefined, summaryText([`合计,,${total}`]))
    const good = ['1', '1', '0.00', '0.00', '0.00', '0.00', '0.00', '0.59', '0.00', '0.00']
    expect((await readTradeBill(only(good.join()))).summary.total.serviceFee).toBe(59)
    for (const column of [2, 3, 4, 5, 6, 7, 8]) await refused(only(good.with(column, '0.07').join()), 'BILL_DISAGREES')
  })

  test('an unreadable bill is refused, not guessed at', async () => {
    const detail = detailText([TRADE, REFUND])
    await refused(billArchive(detail.replace('券名称', '券名')), 'BILL_NOT_UNDERSTOOD')
    await refused(billArchive(detail.replace('业务明细列表结束', '')), 'BILL_NOT_UNDERSTOOD')
    await refused(billArchive(detail.replace('#交易合计', '#合计')), 'BILL_NOT_UNDERSTOOD')
    await refused(billArchive(detail.replace('#账号：', '#')), 'BILL_NOT_UNDERSTOOD')
    await refused(billArchive(detail.replace('交易\t', '转账\t')), 'BILL_NOT_UNDERSTOOD')
    await refused(billArchive(detail.slice(0, detail.indexOf('#交易合计'))), 'BILL_NOT_UNDERSTOOD')
    await refused(billArchive(undefined, summaryText([STORE])), 'BILL_NOT_UNDERSTOOD')
    await refused(billArchive(undefined, summaryText([STORE, TOTAL.replace(',1,1,', ',1,x,')])), 'BILL_NOT_UNDERSTOOD')
    await refused(zip([billFile('业务明细', detail)]), 'BILL_NOT_UNDERSTOOD')
    await refused(zip([]), 'BILL_NOT_UNDERSTOOD')
  })
})

describe('a row with commas in its free texts', () => {
  const row = (subject: string, voucher: string, remark: string) =>
    // The voucher first: a subject may contain text like the one that locates it.
    readBillRow(TRADE.replace(',0.00,,0.00\t', `,0.00,${voucher},0.00\t`).replace('TypeScript课程', subject) + remark)

  test('is split into the right columns', () => {
    expect(row('一,二,三', '', '')).toMatchObject({ subject: '一,二,三', remark: '', orderAmount: 9900 })
    expect(row('课程', '', 'a,b,,c')).toMatchObject({ subject: '课程', remark: 'a,b,,c', serviceFee: -59 })
    expect(row('a,b', '满100,减10', 'c,d')).toMatchObject({ subject: 'a,b', voucherName: '满100,减10', remark: 'c,d' })
  })

  test('for any texts: the right columns, or a refusal', () => {
    const piece = fc.constantFrom('a', ',', '0.00', '\t', '2019-09-16 10:55:16', '学', ' ', '交易\t', '-1.00')
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(text, text, text, (subject, voucher, remark) => {
        const read = row(subject, voucher, remark)
        if (read === undefined) return
        const plain = (value: string) => value.replace(/\t+$/, '').trim()
        expect(read).toMatchObject({ subject: plain(subject), voucherName: plain(voucher), remark: plain(remark) })
        expect(read).toMatchObject({ orderAmount: 9900, receiptAmount: 9900, serviceFee: -59 })
      }),
      { numRuns: 3000 },
    )
  })

  test('too few columns, or far too many, are refused', () => {
    expect(readBillRow(TRADE.slice(0, TRADE.lastIndexOf(',')))).toBeUndefined()
    expect(readBillRow(TRADE + ','.repeat(65))).toBeUndefined()
    expect(readBillRow('')).toBeUndefined()
  })
})

describe('the download', () => {
  let server: Server | undefined
  afterEach(() => server?.close())

  async function host(listener: RequestListener): Promise<string> {
    server = createServer(listener)
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/downloadBillFile.resource?token=1`
  }

  test('downloads the archive, with a User-Agent that the host accepts', async () => {
    let agent = ''
    const url = await host((request, response) => {
      agent = request.headers['user-agent'] ?? ''
      response.end(billArchive())
    })
    expect((await readTradeBill(await downloadBill(url, fetch))).rows).toHaveLength(2)
    expect(agent).toContain('Mozilla/5.0')
  })

  test('stops at its size limit, however the body is sent', async () => {
    const url = await host((_request, response) => {
      response.write('PK')
      const more = () => {
        while (response.write(Buffer.alloc(65_536))) {}
        response.once('drain', more)
      }
      more()
    })
    await expect(downloadBill(url, fetch, { maxBytes: 300_000 })).rejects.toMatchObject({ code: 'BILL_TOO_LARGE' })
  })

  test('reports an expired link, a refusal by the host, a broken connection and a time-out', async () => {
    const page = await host((_request, response) => response.end('<html>下载超时，请重新下载</html>'))
    await expect(downloadBill(page, fetch)).rejects.toMatchObject({ code: 'BILL_LINK_EXPIRED' })
    server?.close()
    const forbidden = await host((_request, response) => response.writeHead(403).end())
    await expect(downloadBill(forbidden, fetch)).rejects.toMatchObject({ code: 'BILL_NOT_DOWNLOADED' })
    server?.close()
    const broken = await host((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('PK', () => response.destroy())
    })
    await expect(downloadBill(broken, fetch)).rejects.toMatchObject({ code: 'BILL_NOT_DOWNLOADED' })
    server?.close()
    const slow = await host((_request, response) => response.write('PK'))
    await expect(downloadBill(slow, fetch, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'BILL_NOT_DOWNLOADED' })
    const given = AbortSignal.abort()
    await expect(downloadBill(slow, fetch, { signal: given })).rejects.toMatchObject({ code: 'BILL_NOT_DOWNLOADED' })
    server?.closeAllConnections()
  })
})
