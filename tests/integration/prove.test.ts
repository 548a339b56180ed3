/** The short form of `npm run prove`: the same buyers, faults and kills, for as many orders as a test has time for. */
import { randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { prove } from '../../prove/prove.ts'

const given = Number(process.env['XUECHENG_PROOF_SEED'])

test('no invariant of money and access breaks while every process is killed and every fault occurs', async () => {
  const seed = given || randomInt(1, 2 ** 31)
  const report = await prove({ seed, orders: 100, buyers: 24, settleLimitMs: 120_000, progress() {} })
  const broken = report.verdicts.filter((verdict) => verdict.broken.length > 0)
  expect(broken, `again: npm run prove -- --seed ${seed} --orders 100 --buyers 24`).toEqual([])
  if (report.folder) rmSync(report.folder, { recursive: true, force: true })

  // A run without faults proves nothing.
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, each) => all + each, 0)
  expect(report.orders).toBeGreaterThanOrEqual(97)
  expect(sum(report.kills)).toBeGreaterThan(0)
  expect(sum(report.points)).toBeGreaterThan(0)
  expect(sum(report.strikes)).toBeGreaterThan(0)
  expect(report.money.taken).toBe(report.money.onOrders + report.money.refunded + report.money.listed)
}, 600_000)
