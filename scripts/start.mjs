// `npm start` and `npm run dev`: installs and builds what is missing, then runs the shop and exits with its code.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { findCommand, findNode, root } from './find-node.mjs'
import { build, install } from './prepare.mjs'
import { whenOrphaned } from './run.mjs'

const dev = process.argv.includes('--dev')

install()
if (!dev) build()

// Caches compiled code, so that a second start does not compile it again.
const env = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/xuecheng'), ...process.env }
const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
const stdio = ['inherit', 'inherit', 'inherit', 'ipc']
const startShop = () => spawn(findNode(), [...flags, join(root, 'apps/shop/src/main.ts')], { cwd: root, env, stdio })

let shop = startShop()
let pages
let stopping = false
if (dev) {
  pages = startPages()
  restartOnChange()
}
shop.on('exit', ended)

// Ctrl-C reaches the children directly; this process only waits for them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stopping = true
    if (signal !== 'SIGINT') shop.kill('SIGTERM')
    pages?.kill('SIGTERM')
    if (shop.exitCode !== null) process.exit(1)
  })
}
// npm has exited without a signal.
whenOrphaned(() => process.kill(process.pid, 'SIGTERM'))

function ended(code, signal) {
  // During development, a failed shop restarts on the next change.
  if (dev && !stopping) return
  pages?.kill('SIGTERM')
  process.exit(signal ? 1 : (code ?? 1))
}

/** The development server of the pages, which proxies all other requests to the shop. */
function startPages() {
  if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'))
  const shopUrl = process.env['SHOP_URL'] ?? `http://127.0.0.1:${process.env['PORT'] ?? 8000}`
  const cwd = join(root, 'apps/web')
  const vite = [findCommand('apps/web', 'vite', 'bin/vite.js')]
  return spawn(findNode(), vite, { cwd, env: { ...env, SHOP_URL: shopUrl }, stdio: 'inherit' })
}

/**
 * `node --watch` sees only modules loaded by its own process, but most of the shop is loaded by its child processes.
 */
function restartOnChange() {
  let timer
  let restarting = false
  const restart = async () => {
    if (restarting || stopping) return
    restarting = true
    if (shop.exitCode === null && shop.signalCode === null) {
      const gone = new Promise((done) => shop.once('exit', done))
      shop.kill('SIGTERM')
      await gone
    }
    restarting = false
    if (stopping) return
    console.log('\nChanged, starting again … 代码有改动，重新启动 …')
    shop = startShop()
    shop.on('exit', ended)
  }
  const changed = (_event, file) => {
    if (!/\.(ts|sql)$/.test(file ?? '') || /\.test\.ts$/.test(file ?? '')) return
    clearTimeout(timer)
    timer = setTimeout(restart, 200)
  }
  const sources = ['apps/shop/src', ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}/src`)]
  for (const folder of sources.filter((name) => existsSync(join(root, name)))) {
    watch(join(root, folder), { recursive: true }, changed)
  }
}
