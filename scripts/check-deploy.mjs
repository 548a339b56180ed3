// `npm run check:deploy [-- --install]`: each file of deploy/ by the program that will read it, where that program is here.
// What needs no such program (compose, Kubernetes, the image) is looked at by tests/deploy.test.ts.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './find-node.mjs'

const file = (name) => join(root, 'deploy', name)
const checks = [
  ['xuecheng.service', 'systemd', ['systemd-analyze', 'verify', file('xuecheng.service')]],
  ['haproxy.cfg', 'haproxy', ['haproxy', '-c', '-q', '-f', file('haproxy.cfg')]],
  ['nginx.conf', 'nginx-light', ['nginx', '-t', '-q', '-c', file('nginx.conf')]],
]

let failed = 0
for (const [name, debianPackage, [command, ...args]] of checks) {
  let result = spawnSync(command, args, { encoding: 'utf8' })
  if (result.error && process.argv.includes('--install')) {
    spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', debianPackage], { stdio: 'ignore' })
    result = spawnSync(command, args, { encoding: 'utf8' })
  }
  const good = !result.error && result.status === 0
  if (!good) failed += 1
  console.log(`${good ? 'ok    ' : 'FAILED'} ${name}`)
  if (result.error) console.log(`       ${command} is not here: apt-get install ${debianPackage}, or --install`)
  else if (!good) console.log(`${result.stdout}${result.stderr}`)
}
process.exit(failed === 0 ? 0 : 1)
