/** The gateways' times are UTC+8, whatever the process's time zone; and amounts without floating point. */
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAmount, readSignedAmount, writeAmount } from './money.ts'
import { readTime, writeTime } from './timestamp.ts'

describe('the same times in every zone', () => {
  for (const TZ of ['America/New_York', 'UTC', 'Asia/Shanghai', 'Pacific/Kiritimati']) {
    test(TZ, () => {
      const program = `
        const { readTime, writeTime } = await import(${JSON.stringify(new URL('timestamp.ts', import.meta.url).href)})
        const at = new Date('2026-03-08T07:30:59.999Z') // New York's clocks go forward here
        console.log(JSON.stringify([writeTime(at), readTime(writeTime(at)), readTime('2026-03-08 02:30:00'), new Date(2026, 0).getTimezoneOffset()]))`
      const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
        env: { ...process.env, TZ },
        encoding: 'utf8',
      })
      const [written, read, gap] = JSON.parse(output) as [string, string, string]
      expect(written).toBe('2026-03-08 15:30:59')
      expect(read).toBe('2026-03-08T07:30:59.000Z')
      expect(gap).toBe('2026-03-07T18:30:00.000Z')
    })
  }
})

test('a written time is read back', () => {
  const times = fc.date({ min: new Date('1990-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
  fc.assert(fc.property(times, (at) => Math.floor(at.getTime() / 1000) * 1000 === readTime(writeTime(at))?.getTime()))
})

test('invalid times are refused', () => {
  for (const text of [
    '',
    '2026-11-23',
    '2026-02-29 00:00:00',
    '2026-11-23 25:00:00',
    '2026-11-23T10:00:00',
    '2026-11-23 10:00:60',
    ' 2026-11-23 10:00:00',
    undefined,
  ])
    expect(readTime(text), text).toBeUndefined()
  expect(readTime('2024-02-29 00:00:00.5')).toEqual(new Date('2024-02-28T16:00:00.500Z'))
})

describe('amounts', () => {
  test('are written with two decimals and read back exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000_000 }), (fen) => {
        expect(writeAmount(fen)).toMatch(/^\d+\.\d\d$/)
        return readAmount(writeAmount(fen)) === fen
      }),
    )
    expect([1, 10, 100, 101, 3990, 10_000_000_000].map((fen) => writeAmount(fen))).toEqual([
      '0.01',
      '0.10',
      '1.00',
      '1.01',
      '39.90',
      '100000000.00',
    ])
  })

  test('with fewer decimals', () =>
    expect(['0', '5', '5.1', '0.29', '1.10'].map(readAmount)).toEqual([0, 500, 510, 29, 110]))

  test('that are invalid', () => {
    for (const text of ['', '-1.00', '1.001', '1,00', '1e3', ' 1', '.5', '1.', '٣', '99999999999999', undefined])
      expect(readAmount(text), text).toBeUndefined()
  })

  test('in bills may be negative', () => {
    expect(['-0.04', '-39.00', '0.00', '-0.00', '12'].map(readSignedAmount)).toEqual([-4, -3900, 0, 0, 1200])
    expect(['--1', '-', '+1'].map(readSignedAmount)).toEqual([undefined, undefined, undefined])
  })
})
