// `node scripts/count-lines.mjs [COMMIT]`: how long the code is, by area: lines of files in git, generated ones and tests apart.
import { execFileSync } from 'node:child_process'
import { root } from './find-node.mjs'

const commit = process.argv[2] ?? 'HEAD'
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 })

const AREAS = [
  ['server', /^apps\/shop\/.*\.(ts|mjs)$/],
  ['pages', /^apps\/web\/.*\.(ts|vue|css|html)$/],
  ['clients', /^packages\/(client-kit|alipay|wechatpay)\/.*\.ts$/],
  ['sandbox', /^packages\/(sandbox|look)\/.*\.(ts|css|mjs)$/],
  ['proof and bench', /^(prove|bench)\/.*\.ts$/],
  ['migrations', /^apps\/shop\/.*\.sql$/],
  ['tests', /^(apps|packages|tests)\/.*\.test\.ts$|^tests\/.*\.ts$/],
]
const isTest = (path) => /\.test\.ts$|^tests\//.test(path)
const isMade = (path) => /\.generated\.ts$|\/fixtures\//.test(path)

const rows = new Map(AREAS.map(([name]) => [name, { files: 0, lines: 0 }]))
const paths = git('ls-tree', '-r', '--name-only', commit).split('\n')
for (const path of paths) {
  if (isMade(path)) continue
  const area = AREAS.find(([name, pattern]) => pattern.test(path) && isTest(path) === (name === 'tests'))
  if (!area) continue
  const row = rows.get(area[0])
  row.files += 1
  row.lines += git('show', `${commit}:${path}`).split('\n').length - 1
}
console.table(Object.fromEntries(rows))
