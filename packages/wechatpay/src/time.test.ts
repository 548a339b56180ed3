/** Times with their offset: written in Beijing time, read with any offset. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readMoment, writeMoment } from './time.ts'

test('a written time is read back, to the second', () => {
  const times = fc.date({ min: new Date('1990-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(times, (at) => Math.floor(at.getTime() / 1000) * 1000 === readMoment(writeMoment(at))?.getTime()),
  )
  expect(writeMoment(new Date('2026-01-01T04:30:00.999Z'))).toBe('2026-01-01T12:30:00+08:00')
})

test('any offset is accepted', () => {
  const same = ['2026-01-01T12:00:00+08:00', '2026-01-01T04:00:00Z', '2025-12-31T23:30:00-04:30']
  for (const text of same) expect(readMoment(text), text).toEqual(new Date('2026-01-01T04:00:00Z'))
  expect(readMoment('2026-01-01T12:00:00.5+08:00')).toEqual(new Date('2026-01-01T04:00:00.500Z'))
})

test('invalid times are refused', () => {
  for (const text of [
    '',
    '2026-01-01',
    '2026-01-01 12:00:00',
    '2026-01-01T12:00:00',
    '2026-01-01T25:00:00+08:00',
    '2026-02-30T12:00:00+08:00',
    '2026-13-01T12:00:00+08:00',
    ' 2026-01-01T12:00:00+08:00',
  ])
    expect(readMoment(text), text).toBeUndefined()
})
