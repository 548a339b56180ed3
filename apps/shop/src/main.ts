/** Start-up: settings → database → payment sandbox → web servers and jobs; and everything stopped again, in reverse. */
import cluster from 'node:cluster'
import { loadEnvironment, readConfig, SettingError } from './config.ts'
import { DataFolderInUseError } from './database/embedded.ts'
import { NotReadyError, SaidError } from './start-errors.ts'

try {
  const config = readConfig(loadEnvironment(process.cwd()))
  // Each process loads only what it is for: half of a start is loading code.
  if (cluster.isPrimary && !process.env['XUECHENG_ROLE']) await (await import('./supervise.ts')).supervise(config)
  else await (await import('./roles.ts')).runRole(config, process.env['XUECHENG_ROLE'] ?? 'web')
} catch (error) {
  const expected = [SettingError, DataFolderInUseError, NotReadyError].some((kind) => error instanceof kind)
  const message = error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error)
  if (!(error instanceof SaidError)) process.stderr.write(`${message}\n`)
  process.exit(1)
}
