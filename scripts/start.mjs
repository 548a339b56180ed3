// `npm start` and `npm run dev`: installs and builds what is missing, then runs the shop and passes its end on.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { findCommand, findNode, root } from './find-node.mjs'
import { build, install } from './prepare.mjs'

const dev = process.argv.includes('--dev')

install()
if (!dev) build()

// Compiled code is kept, so that a second start does not compile it again.
const env = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/xuecheng'), ...process.env }
const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
const run = (args, options = {}) =>
  spawn(findNode(), args, { cwd: root, env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'], ...options })

const shop = dev
  ? run([...flags, '--watch', '--watch-preserve-output', join(root, 'apps/shop/src/main.ts')])
  : run([...flags, join(root, 'apps/shop/src/main.ts')])
const pages = dev
  ? run([findCommand('apps/web', 'vite', 'bin/vite.js')], { cwd: join(root, 'apps/web'), stdio: 'inherit' })
  : undefined

// Ctrl-C reaches the children by itself; this process only waits for them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT') shop.kill('SIGTERM')
    pages?.kill('SIGTERM')
  })
}
shop.on('exit', (code, signal) => {
  pages?.kill('SIGTERM')
  process.exit(signal ? 1 : (code ?? 1))
})
