// `npm run bench`: see bench/main.ts.
import { join } from 'node:path'
import { root } from './find-node.mjs'
import { build, install } from './prepare.mjs'
import { run } from './run.mjs'

install()
build()
const args = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning', join(root, 'bench/main.ts')]
process.exit(await run([...args, ...process.argv.slice(2)], { group: true }))
