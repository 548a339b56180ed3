/** Payment settings that the owner entered, read for a command without starting or disturbing the server. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Entered } from '../command.ts'
import { type Config, SettingError } from '../config.ts'
import { connect } from '../db/connect.ts'
import { hasCluster } from '../db/embedded/server.ts'
import { refuseUnreachable } from '../db/preflight.ts'
import { createEncryption } from '../encryption.ts'
import { enteredSettingsInUse } from '../payments/merchants/entered-settings.ts'
import { runningUrl } from './database.ts'

const NOTHING: Entered = { settings: new Map() }
const LIMITS = { statement: 3000, answer: 4000, connection: 3000 }

/** Starts no server: while the shop is stopped, its entered settings are not visible. Never throws. */
export async function enteredSettings(config: Config): Promise<Entered> {
  const url = config.databaseUrl ?? (await runningUrl(config))
  if (!url) return hasCluster(join(config.dataDir, 'postgres')) ? STOPPED : NOTHING
  const secret = config.authSecret ?? keptSecret(config)
  try {
    await refuseUnreachable(url)
    const connection = connect(url, 1, 'readable', LIMITS)
    try {
      return seen(await enteredSettingsInUse(connection.db, createEncryption(secret)))
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

const STOPPED: Entered = {
  ...NOTHING,
  unseen: { en: 'the database cannot be reached: the shop is not running', 'zh-CN': '无法连接数据库：商店没有在运行' },
}

function seen(stored: Awaited<ReturnType<typeof enteredSettingsInUse>>): Entered {
  const closed = [...stored].flatMap(([provider, values]) => (values ? [] : [provider])).join(', ')
  const settings = new Map([...stored].flatMap(([provider, values]) => (values ? [[provider, values] as const] : [])))
  if (!closed) return { settings }
  return {
    settings,
    unseen: {
      en: `those of ${closed} cannot be decrypted: they were encrypted with another AUTH_SECRET`,
      'zh-CN': `${closed} 的设置无法解密：保存时使用的是另一个 AUTH_SECRET`,
    },
  }
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''

/** The secret that the shop created on its first start; a command creates none. */
function keptSecret(config: Config): string {
  const file = join(config.dataDir, 'keys', 'auth-secret')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
}
