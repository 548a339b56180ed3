/** Jobs without attempts left, and the list of all jobs. */
import { expect, test } from 'vitest'
import { until } from '../../harness/system.ts'
import { health, staff, system } from './rig.ts'

test('a job without attempts left is listed with its error, and run again', async () => {
  await system.sql(`select graphile_worker.add_job('send-refund', '{"refundId": "none"}', max_attempts => 1)`)
  // A single attempt, as if twenty-five were used up; dead jobs with one attempt are deleted, so it gets a second one in the end.
  const dead = await until(
    async () => {
      await system.sql(`update graphile_worker._private_jobs set max_attempts = 2, attempts = 2
        where payload::text like '%none%' and locked_at is null and last_error is not null`)
      return staff.call<{ items: { id: string; task: string; lastError: string }[] }>(
        'GET',
        '/api/admin/jobs?state=dead',
      )
    },
    (answer) => answer.body.items.some(({ task }) => task === 'send-refund'),
  )
  const job = dead.body.items.find(({ task }) => task === 'send-refund')
  expect(job?.lastError).toBeTruthy()
  expect((await health())['dead_job']?.count).toBe(1)
  expect((await staff.call('POST', `/api/admin/jobs/${job?.id}/run-again`)).status).toBe(200)
  expect((await staff.call('POST', `/api/admin/jobs/${job?.id}/run-again`)).status).toBe(404)
  await system.sql("delete from graphile_worker._private_jobs where payload::text like '%none%'")
})

test('jobs come page by page, and by task', async () => {
  await system.sql(
    `select graphile_worker.add_job('close-attempts', json_build_object('n', n), run_at => now() + interval '1 day')
     from generate_series(1, 60) n`,
  )
  interface Jobs {
    readonly items: { id: string; task: string }[]
    readonly next: string | null
    readonly tasks: string[]
  }
  const read = async (query: string) => (await staff.call<Jobs>('GET', `/api/admin/jobs?state=waiting${query}`)).body
  const first = await read('&task=close-attempts')
  expect(first.items).toHaveLength(50)
  const second = await read(`&task=close-attempts&cursor=${first.next}`)
  expect(second.next).toBeNull()
  const ids = [...first.items, ...second.items].map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.length).toBeGreaterThanOrEqual(60)
  expect(first.tasks).toContain('close-attempts')
  expect(await read('&task=none-such')).toMatchObject({ items: [], next: null })
})
