// `npm run prove -- [--seed N] [--orders N]`: see prove/main.ts. With `mutations`: breaks each guard once, see prove/mutations.ts.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { findNode, root } from './find-node.mjs'
import { install } from './prepare.mjs'

install()
const [first, ...rest] = process.argv.slice(2)
const [program, args] = first === 'mutations' ? ['mutations.ts', rest] : ['main.ts', process.argv.slice(2)]
const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning', join(root, 'prove', program)]
process.exit(spawnSync(findNode(), [...flags, ...args], { cwd: root, stdio: 'inherit' }).status ?? 1)
