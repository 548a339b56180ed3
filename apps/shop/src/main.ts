/** Start-up: settings → database → payment sandbox → web servers and jobs; stopped in reverse order. */
import cluster from 'node:cluster'
import { loadEnvironment, readConfig, SettingError } from './config.ts'
import { DatabaseStartError } from './db/embedded/programs.ts'
import { DataFolderInUseError } from './db/embedded/server.ts'
import { hasRealMerchant } from './payments/providers/methods.ts'
import { DataFolderError } from './process/data-folder.ts'
import { NotReadyError, SaidError } from './process/start-errors.ts'

try {
  const config = readConfig(loadEnvironment(process.cwd()), hasRealMerchant)
  // Each process loads only the code it needs: loading code is half of a start.
  if (cluster.isPrimary && !process.env['XUECHENG_ROLE'])
    await (await import('./process/supervisor.ts')).supervise(config)
  else await (await import('./process/child.ts')).runRole(config, process.env['XUECHENG_ROLE'] ?? 'web')
} catch (error) {
  const expected = [SettingError, DataFolderError, DataFolderInUseError, DatabaseStartError, NotReadyError].some(
    (kind) => error instanceof kind,
  )
  const message = error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error)
  if (!(error instanceof SaidError)) process.stderr.write(`${message}\n`)
  process.exit(1)
}
