import type { BusinessRefusal } from '@xuecheng/alipay'
import { expect, test } from 'vitest'
import { readBill } from './bill.ts'

test('a day without a bill is empty once it is over, and never before', async () => {
  const refusal = { ok: false, subCode: 'NO_BILL_DATA' } as BusinessRefusal<string>
  const at = (time: string) => readBill('2026-11-22', new Date(`${time}+08:00`), async () => refusal, undefined)
  expect(await at('2026-11-22T23:59:59')).toEqual({ state: 'not yet' })
  expect(await at('2026-11-23T00:00:00')).toEqual({ state: 'ready', lines: [] })
})
