/** Bill addresses, bills and every documented refusal: how each answer is read. */
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { answering, failed, real } from '../test/answers.ts'
import { billArchive } from '../test/bill.ts'
import { startGateway } from '../test/gateway.ts'
import type { Alipay } from './client.ts'
import { FieldError } from './errors.ts'
import {
  BILL_SUB_CODES,
  CLOSE_SUB_CODES,
  QUERY_SUB_CODES,
  REFUND_QUERY_SUB_CODES,
  REFUND_SUB_CODES,
} from './sub-codes.ts'

describe("the bill's address", () => {
  test('is returned unchanged, its slashes unescaped', async () => {
    const { client, sent } = await answering(
      '{"code":"10000","msg":"Success","bill_download_url":"http:\\/\\/dwbillcenter.alipay.com\\/downloadBillFile.resource?bizType=trade"}',
    )
    expect(await client.billUrl({ billType: 'trade', billDate: '2026-11-22' })).toEqual({
      ok: true,
      url: 'http://dwbillcenter.alipay.com/downloadBillFile.resource?bizType=trade',
      empty: false,
    })
    expect(sent()).toEqual({ bill_type: 'trade', bill_date: '2026-11-22' })
  })

  test('an empty file', async () => {
    const { client } = await answering({
      code: '10000',
      bill_download_url: 'https://x.example/a',
      bill_file_code: 'EMPTY_DATA_WITH_BILL_FILE',
    })
    expect(await client.billUrl({ billType: 'signcustomer', billDate: '2026-10' })).toMatchObject({ empty: true })
  })

  test('a missing or invalid address', async () => {
    for (const more of [{}, { bill_download_url: 'file:///etc/passwd' }]) {
      const { client } = await answering({ code: '10000', ...more })
      await expect(client.billUrl({ billType: 'trade', billDate: '2026-11-22' })).rejects.toMatchObject({
        name: 'UnknownOutcomeError',
      })
    }
  })

  test('an invalid date', async () => {
    const { client } = await answering('{}')
    for (const billDate of ['', '2026', '2026-1-1', '20261122'])
      await expect(client.billUrl({ billType: 'trade', billDate })).rejects.toThrow(FieldError)
  })

  for (const subCode of Object.keys(BILL_SUB_CODES).filter((each) => each !== 'UNKNOWN_ERROR')) {
    test(`${subCode} is a value, for the archive and the rows too`, async () => {
      const { client } = await answering(failed(subCode))
      const refusal = { ok: false, subCode }
      expect(await client.billUrl({ billType: 'trade', billDate: '2026-11-22' })).toMatchObject(refusal)
      expect(await client.downloadBill({ billType: 'trade', billDate: '2026-11-22' })).toMatchObject(refusal)
      expect(await client.tradeBill('2026-11-22')).toMatchObject(refusal)
    })
  }
})

describe('the bill itself', () => {
  /** A gateway that returns an address of its own, and the archive there. */
  async function billed(
    answer: (response: ServerResponse) => void,
  ): Promise<{ client: Alipay; agents: () => unknown[] }> {
    const host = await startGateway((response) => answer(response))
    const node = { code: '10000', msg: 'Success', bill_download_url: host.url }
    const { client } = await answering(node)
    return { client, agents: () => host.received.map(({ headers }) => headers['user-agent']) }
  }

  test('is requested, downloaded and read in one call', async () => {
    const { client, agents } = await billed((response) => response.end(billArchive()))
    expect(await client.tradeBill('2019-09-16')).toMatchObject({ account: '20880000000000000156', rows: [{}, {}] })
    expect(await client.downloadBill({ billType: 'trade', billDate: '2019-09-16' })).toEqual(billArchive())
    expect(agents()[0]).toMatch(/^Mozilla/)
  })

  test('of another day is refused', async () => {
    const { client } = await billed((response) => response.end(billArchive()))
    for (const billDate of ['2019-09-17', '2019-09'])
      await expect(client.tradeBill(billDate)).rejects.toMatchObject({ code: 'BILL_OF_ANOTHER_DATE' })
  })

  test('an expired link is reported', async () => {
    const { client } = await billed((response) => response.end('<html>下载超时，请重新下载</html>'))
    await expect(client.tradeBill('2019-09-16')).rejects.toMatchObject({ name: 'BillError', code: 'BILL_LINK_EXPIRED' })
  })
})

describe('any other method', () => {
  test("Alipay's real answer to precreate", async () => {
    const { client, sent } = await answering(real('alipay.trade.precreate'))
    const answer = await client.execute<{ qr_code: string }>('alipay.trade.precreate', { out_trade_no: '1704093802' })
    expect(answer).toMatchObject({
      code: '10000',
      values: { qr_code: 'https://qr.alipay.com/bax07651xvtprxfkmxyf00a9' },
    })
    expect(sent()).toEqual({ out_trade_no: '1704093802' })
  })

  test('one in progress, and one that is refused, are answers', async () => {
    expect(
      await (await answering({ code: '10003', msg: 'order success pay inprocess' })).client.execute(
        'alipay.trade.pay',
        {},
      ),
    ).toMatchObject({ code: '10003' })
    expect(await (await answering(failed('ACQ.X'))).client.execute('alipay.trade.pay', {})).toMatchObject({
      subCode: 'ACQ.X',
    })
  })
})

test('every documented refusal has a meaning and says whether to repeat', () => {
  for (const table of [QUERY_SUB_CODES, REFUND_SUB_CODES, REFUND_QUERY_SUB_CODES, CLOSE_SUB_CODES, BILL_SUB_CODES])
    for (const entry of Object.values(table))
      expect(entry).toMatchObject({
        meaning: expect.stringMatching(/\w/),
        repeat: expect.stringMatching(/same|changed|never/),
      })
})
