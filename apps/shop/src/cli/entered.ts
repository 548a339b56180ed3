/** Payment settings that the owner entered, for a command: read where the server keeps them, and never in its way. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Entered } from '../command.ts'
import { type Config, SettingError } from '../config.ts'
import { connect } from '../database/connect.ts'
import { refuseUnreachable } from '../database/reach.ts'
import { settingsInUse } from '../payments/entered-settings.ts'
import { createSeal } from '../sealed.ts'
import { runningUrl } from './database.ts'

const NOTHING: Entered = { settings: new Map() }
const LIMITS = { statement: 3000, answer: 4000, connection: 3000 }

/** Starts no server: while the shop stands still, what was entered in it stays unseen. Never throws. */
export async function enteredSettings(config: Config): Promise<Entered> {
  const url = config.databaseUrl ?? (await runningUrl(config))
  if (!url) return existsSync(join(config.dataDir, 'postgres', 'cluster')) ? STANDING_STILL : NOTHING
  const secret = config.authSecret ?? keptSecret(config)
  try {
    await refuseUnreachable(url)
    const connection = connect(url, 1, 'readable', LIMITS)
    try {
      return seen(await settingsInUse(connection.db, createSeal(secret)))
    } finally {
      await connection.close()
    }
  } catch (error) {
    const why = error instanceof SettingError ? error.problem : firstLine(error)
    return {
      ...NOTHING,
      unseen: { en: `the database cannot be read (${why})`, 'zh-CN': `无法读取数据库（${why}）` },
    }
  }
}

const STANDING_STILL: Entered = {
  ...NOTHING,
  unseen: { en: 'the database cannot be reached: the shop is not running', 'zh-CN': '无法连接数据库：商店没有在运行' },
}

function seen(stored: Awaited<ReturnType<typeof settingsInUse>>): Entered {
  const closed = [...stored].flatMap(([provider, values]) => (values ? [] : [provider])).join(', ')
  const settings = new Map([...stored].flatMap(([provider, values]) => (values ? [[provider, values] as const] : [])))
  if (!closed) return { settings }
  return {
    settings,
    unseen: {
      en: `those of ${closed} do not open: they were sealed with another AUTH_SECRET`,
      'zh-CN': `${closed} 的设置解不开：保存时用的是另一个 AUTH_SECRET`,
    },
  }
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''

/** The one that the shop made on its first start; a command makes none. */
function keptSecret(config: Config): string {
  const file = join(config.dataDir, 'keys', 'auth-secret')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
}
