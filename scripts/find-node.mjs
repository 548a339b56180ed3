// The Node.js that the project installs as a dependency (npm package `node`); scripts may be started with an older one.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

export function findNode() {
  const own = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (existsSync(own)) return own
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  throw new Error('Node.js 24 is not installed yet. Run `npm start` or `npm ci` in the project first.')
}

/** The main script of a package's command, wherever npm installed the package for that workspace. */
export function findCommand(workspace, name, script) {
  const manifest = createRequire(join(root, workspace, 'package.json')).resolve(`${name}/package.json`)
  return join(dirname(manifest), script)
}
