/** No route is left out of the audit log; its filters. */
import { expect, test } from 'vitest'
import { TABLE } from '../back-office-endpoints.ts'
import { done, type Line, owner } from './rig.ts'

/** Routes that change nothing worth an audit entry, and why. */
const WITHOUT_A_LINE: Record<string, string> = {
  'POST /api/admin/orders/{orderNo}/refunds/preview': 'works out, books nothing',
  'POST /api/admin/dashboard/count': 'adds up what is there already',
  'POST /api/admin/security-news/seen': 'what one has read is nobody else’s business',
  'POST /api/admin/profile/second-factor': 'a secret that waits for its first code turns nothing on',
}

test('no route that changes something is left out', () => {
  const changing = Object.keys(TABLE).filter((key) => !key.startsWith('GET '))
  expect([...done, ...Object.keys(WITHOUT_A_LINE)].sort()).toEqual(changing.sort())
})

test('the log is filtered by user, action, subject and day', async () => {
  const read = async (query: string) =>
    (await owner.call<{ items: Line[] }>('GET', `/api/admin/audit?${query}`)).body.items
  const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
  const actions = (lines: Line[]) => [...new Set(lines.map(({ action }) => action))]
  expect(actions(await read('action=course.publish'))).toEqual(['course.publish'])
  expect(actions(await read(`action=course.publish&day=${today}&user=admin`))).toEqual(['course.publish'])
  expect(await read('day=2020-01-01')).toEqual([])
  expect(await read('action=course.publish&user=helper')).toEqual([])
  expect((await owner.call('GET', '/api/admin/audit?day=2026-02-31')).status).toBe(422)
})
