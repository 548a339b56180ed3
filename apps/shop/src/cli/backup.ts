/** `xuecheng backup FILE` and `xuecheng restore FILE`: the whole database, without the payment providers' key files. */
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { auditCommand } from '../admin/audit.ts'
import { type Command, UsageError } from '../command.ts'
import { type BackupSummary, backUp, refuseNoBackup, restore } from '../db/backup.ts'
import { connect } from '../db/connect.ts'
import { withDatabase } from './database.ts'

export const backupDatabase: Command = {
  usage: 'FILE',
  summary: 'Writes everything in the database to one file; the shop may keep running',
  options: {},
  async run({ config, positionals }) {
    const file = named(positionals)
    if (existsSync(file)) throw new UsageError(`${file} already exists; choose another name`)
    const summary = await withDatabase(config, (url) => backUp(url, file))
    return { text: `${file}: ${write(summary)}`, data: { file, ...summary } }
  },
}

export const restoreDatabase: Command = {
  usage: 'FILE',
  summary: 'Restores a backup into an empty database, completely or not at all',
  options: {},
  async run({ config, positionals }) {
    const file = named(positionals)
    if (!existsSync(file)) throw new UsageError(`there is no file ${file}`)
    await refuseNoBackup(file) // before an empty database is created for nothing
    const summary = await withDatabase(
      config,
      async (url) => {
        const restored = await restore(url, file)
        await note(url, file, restored)
        return restored
      },
      { mayCreate: true },
    )
    return { text: `restored the backup of ${summary.at}: ${write(summary)}`, data: { file, ...summary } }
  },
}

/** What was restored continues from an older time: its log says so. */
async function note(url: string, file: string, { at }: BackupSummary): Promise<void> {
  const { db, close } = connect(url, 1)
  try {
    const entry = {
      at: new Date(),
      action: 'database.restore',
      subject: 'database',
      after: { fileName: basename(file), backedUpAt: at },
    }
    await db.transaction().execute((tx) => auditCommand(tx, { ...entry, sensitive: true }))
  } finally {
    await close()
  }
}

function named([file]: readonly string[]): string {
  if (!file) throw new UsageError('which file?')
  return file
}

function write({ tables }: BackupSummary): string {
  const rows = Object.values(tables).reduce((sum, count) => sum + count, 0)
  return `${rows} rows of ${Object.keys(tables).length} tables, ${tables['orders'] ?? 0} of them orders`
}
