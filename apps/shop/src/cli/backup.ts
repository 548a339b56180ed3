/** `xuecheng backup FILE` and `xuecheng restore FILE`: the whole database, keys of the payment providers not included. */
import { existsSync } from 'node:fs'
import { type Command, UsageError } from '../command.ts'
import { type BackupSummary, backUp, restore } from '../database/backup.ts'
import { withDatabase } from './database.ts'

export const backupDatabase: Command = {
  usage: 'FILE',
  summary: 'Writes everything in the database to one file; the shop may run meanwhile',
  options: {},
  run: ({ config, positionals }) =>
    withDatabase(config, async (url) => {
      const file = named(positionals)
      if (existsSync(file)) throw new UsageError(`${file} is there already; give another name`)
      const summary = await backUp(url, file)
      return { text: `${file}: ${write(summary)}`, data: { file, ...summary } }
    }),
}

export const restoreDatabase: Command = {
  usage: 'FILE',
  summary: 'Puts a backup into an empty database: all of it, or nothing',
  options: {},
  run: ({ config, positionals }) =>
    withDatabase(config, async (url) => {
      const file = named(positionals)
      if (!existsSync(file)) throw new UsageError(`there is no file ${file}`)
      const summary = await restore(url, file)
      return { text: `restored the backup of ${summary.at}: ${write(summary)}`, data: { file, ...summary } }
    }),
}

function named([file]: readonly string[]): string {
  if (!file) throw new UsageError('which file?')
  return file
}

function write({ tables }: BackupSummary): string {
  const rows = Object.values(tables).reduce((sum, count) => sum + count, 0)
  return `${rows} rows of ${Object.keys(tables).length} tables, ${tables['orders'] ?? 0} of them orders`
}
