/** Start-up: settings → database → payment sandbox → web servers and jobs; and everything stopped again, in reverse. */
import cluster from 'node:cluster'
import { loadEnvironment, readConfig, SettingError } from './config.ts'
import { DataFolderInUseError } from './database/embedded.ts'
import { runRole } from './roles.ts'
import { supervise } from './supervise.ts'

try {
  const config = readConfig(loadEnvironment(process.cwd()))
  if (cluster.isPrimary && !process.env['XUECHENG_ROLE']) await supervise(config)
  else await runRole(config, process.env['XUECHENG_ROLE'] ?? 'web')
} catch (error) {
  const expected = error instanceof SettingError || error instanceof DataFolderInUseError
  const message = error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error)
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
