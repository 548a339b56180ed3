// `npm run screenshots`: every page at 1280 and 390 pixels, in both languages, under data/screenshots.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { findNode, root } from './find-node.mjs'
import { build, install } from './prepare.mjs'

install()
build()
const folder = join(root, 'data/screenshots')
rmSync(folder, { recursive: true, force: true })
const files = ['pages.', 'shop-states.', 'back-office-pages-', 'back-office-dialogs.'].map(
  (name) => `tests/browser/${name}`,
)
const { status } = spawnSync(findNode(), [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...files], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, XUECHENG_SCREENSHOTS: folder },
})
console.log(`The pictures are in ${folder}`)
process.exit(status ?? 1)
