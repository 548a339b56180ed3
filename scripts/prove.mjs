// `npm run prove -- [--seed N] [--orders N]`: see prove/main.ts. With `mutations`: breaks each guard once, see
// prove/mutations.ts. With `failover`: kills the primary database under two nodes, see prove/failover.ts.
import { join } from 'node:path'
import { root } from './find-node.mjs'
import { install } from './prepare.mjs'
import { run } from './run.mjs'

install()
const [first, ...rest] = process.argv.slice(2)
const [program, args] =
  first === 'mutations' || first === 'failover' ? [`${first}.ts`, rest] : ['main.ts', process.argv.slice(2)]
const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning', join(root, 'prove', program)]
process.exit(await run([...flags, ...args], { group: true }))
