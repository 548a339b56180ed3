// `npm run bench`: see bench/main.ts.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { findNode, root } from './find-node.mjs'
import { build, install } from './prepare.mjs'

install()
build()
const args = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning', join(root, 'bench/main.ts')]
process.exit(spawnSync(findNode(), [...args, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' }).status ?? 1)
