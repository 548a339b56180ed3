// `npm run check:deploy [-- --install]`: checks each file of deploy/ with the program that reads it, if it is
// installed. Files without such a program (compose, Kubernetes, the image) are checked by tests/deploy.test.ts.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './find-node.mjs'

const file = (name) => join(root, 'deploy', name)
const checks = [
  ['xuecheng.service', 'systemd', ['systemd-analyze', 'verify', file('xuecheng.service')]],
  // The unit's own confinement, without the system that it will run on: an exposure of at most 2.5 of 10.
  [
    'xuecheng.service, confined',
    'systemd',
    ['systemd-analyze', 'security', '--offline=true', '--threshold=25', file('xuecheng.service')],
  ],
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
  if (result.error) console.log(`       ${command} is not installed: apt-get install ${debianPackage}, or --install`)
  else if (!good) console.log(`${result.stdout}${result.stderr}`)
}
process.exit(failed === 0 ? 0 : 1)
