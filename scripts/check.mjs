// `npm run check`: types, lint and format, in parallel; fast enough for every commit.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { findCommand, findNode, root } from './find-node.mjs'
import { install } from './prepare.mjs'

install()
const node = findNode()
const bin = (path) => join(root, 'node_modules', path)
/** Checks only what changed; a new machine or compiler starts from scratch. */
const remember = (name) => ['--incremental', '--tsBuildInfoFile', bin(`.cache/${name}.tsbuildinfo`)]
const vueTsc = findCommand('apps/web', 'vue-tsc', 'bin/vue-tsc.js')
const checks = [
  ['types', [bin('typescript/bin/tsc'), '-p', 'tsconfig.json', ...remember('types')]],
  ['page types', [vueTsc, '-p', 'apps/web/tsconfig.json', '--noEmit', ...remember('page-types')]],
  ['lint and format', [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']],
]

const results = await Promise.all(
  checks.map(
    ([name, args]) =>
      new Promise((done) => {
        let output = ''
        const child = spawn(node, args, { cwd: root })
        child.stdout.on('data', (chunk) => (output += chunk))
        child.stderr.on('data', (chunk) => (output += chunk))
        child.on('close', (code) => done({ name, code, output }))
      }),
  ),
)
for (const { name, code, output } of results) {
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name}`)
  if (code !== 0) console.log(output)
}
process.exit(results.every(({ code }) => code === 0) ? 0 : 1)
