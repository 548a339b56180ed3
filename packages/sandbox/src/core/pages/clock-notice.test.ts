import { expect, test } from 'vitest'
import { DAY, HOUR, MINUTE, SECOND } from '../time.ts'
import { clockNotice } from './clock-notice.ts'

const ahead = (offset: number) =>
  clockNotice({ now: () => Date.now() + offset, offset: () => offset, set: () => undefined, reset: () => undefined })

test('a clock equal to the machine’s, to the minute, gives no notice', () => {
  for (const offset of [0, -SECOND, 29 * SECOND]) expect(ahead(offset)).toBeUndefined()
})

test.each([
  [4 * MINUTE, '4 min', '4 分钟'],
  [DAY, '24 h', '24 小时'],
  [25 * HOUR + 30 * MINUTE, '25 h 30 min', '25 小时 30 分钟'],
  [2 * DAY, '48 h', '48 小时'],
  [15 * DAY, '15 days', '15 天'],
  [15 * DAY + HOUR + 3 * MINUTE, '15 days 1 h', '15 天 1 小时'],
])('how far it is ahead, in both languages, and what puts it back', (offset, en, zh) => {
  const notice = ahead(offset)
  expect(notice?.en.text).toContain(`clock is ${en} ahead of this machine`)
  expect(notice?.en.text).toContain('<a href="/console/control#reset">Reset</a>')
  expect(notice?.['zh-CN'].text).toContain(`比本机快 ${zh}：`)
})
