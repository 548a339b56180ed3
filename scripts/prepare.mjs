// Creates what a start needs if it is missing or outdated: dependencies, built pages. Runs on any Node from 20.19.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findNode, root } from './find-node.mjs'

const INSTALLED = join(root, 'node_modules/.xuecheng-installed')
const BUILT = join(root, 'apps/web/dist/.xuecheng-built')

function hash(paths) {
  const sum = createHash('sha256')
  for (const path of paths.flatMap(filesOf).sort())
    sum
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
  return sum.digest('hex')
}

function filesOf(path) {
  const full = join(root, path)
  if (!existsSync(full)) return []
  if (statSync(full).isFile()) return [path]
  const inside = readdirSync(full).filter((name) => !['node_modules', 'dist'].includes(name))
  return inside.flatMap((name) => filesOf(join(path, name)))
}

const stamp = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')

/** Installs exactly what the lock file says, unless it is installed already. */
export function install() {
  const wanted = hash(['package-lock.json'])
  if (stamp(INSTALLED) === wanted) return
  console.log('Installing dependencies 安装依赖 …')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const { status } = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error('npm ci failed; see its message above.')
  writeFileSync(INSTALLED, wanted)
}

/** Builds the pages if their sources changed since the last build. */
export function build() {
  const wanted = hash(['apps/web', 'packages/look', 'package-lock.json'])
  if (stamp(BUILT) === wanted) return
  console.log('Building the pages 构建页面 …')
  const vite = join(root, 'apps/web/build.mjs')
  execFileSync(findNode(), [vite], { cwd: join(root, 'apps/web'), stdio: ['ignore', 'ignore', 'inherit'] })
  mkdirSync(join(root, 'apps/web/dist'), { recursive: true })
  writeFileSync(BUILT, wanted)
}
