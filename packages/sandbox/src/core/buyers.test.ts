import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBuyers } from './buyers.ts'
import { openDatabase } from './storage/database.ts'

test('forty thousand buyers are created although some draw a taken number; a login is unique', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-buyers-'))
  const database = openDatabase(folder)
  try {
    const now = { now: () => 0, offset: () => 0, set() {}, reset() {} }
    const buyers = openBuyers(database, now)
    const before = buyers.list().length
    const made = database.transaction(() =>
      Array.from({ length: 40_000 }, (_, index) => buyers.create({ login: `b${index}@sandbox.example` })),
    )
    expect(made.filter((buyer) => buyer === undefined)).toEqual([])
    expect(new Set(made.map((buyer) => buyer?.id)).size).toBe(40_000)
    expect(buyers.list()).toHaveLength(before + 40_000)
    expect(buyers.create({ login: 'B1@sandbox.example ' })).toBeUndefined()
  } finally {
    database.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
