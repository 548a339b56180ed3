/** The short form of `npm run prove -- failover`: two nodes side by side, without HAProxy, and few buyers. */
import { randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { failOver } from '../../prove/failover-run.ts'

test('with two nodes, killing the primary database loses nothing: pages stay readable, and writes resume by themselves', async () => {
  const seed = randomInt(1, 2 ** 31)
  const report = await failOver({ seed, buyers: 4, loadMs: 2000, noticeMs: 3000, haproxy: false, progress() {} })
  const broken = report.verdicts.filter((verdict) => verdict.broken.length > 0)
  expect(broken, `again: npm run prove -- failover --direct --seed ${seed} --buyers 4`).toEqual([])
  if (report.folder) rmSync(report.folder, { recursive: true, force: true })

  // A gap in which nobody tried to buy proves nothing.
  const [refused] = report.gap.filter(({ what }) => what === 'POST /api/orders').map((row) => row.refused)
  expect(refused).toBeGreaterThan(0)
  expect(report.notificationsAcknowledged).toBeGreaterThan(0)
})
