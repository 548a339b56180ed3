// `npm test`: everything, from a fresh clone. Checks first, then unit, system and browser tests in one runner.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './find-node.mjs'
import { build, install } from './prepare.mjs'
import { run } from './run.mjs'

install()
build()
const browser = findBrowser() ?? installBrowser()
const only = process.argv.slice(2)

const checked = only.length > 0 || (await run([join(root, 'scripts/check.mjs')], { group: true })) === 0
const current = only.length > 0 || (await run([join(root, 'scripts/generate.mjs'), '--check'], { group: true })) === 0

const report = join(mkdtempSync(join(tmpdir(), 'xuecheng-report-')), 'report.json')
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const slowest = `--reporter=${join(root, 'scripts/slowest-files.mjs')}`
const reporters = ['--reporter=default', slowest, '--reporter=json', `--outputFile=${report}`]
const status = await run([vitest, 'run', ...reporters, ...only], { env: { XUECHENG_BROWSER: browser }, group: true })

let [passed, failed] = [0, 0]
if (existsSync(report)) {
  const { numPassedTests, numFailedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8'))
  passed = numPassedTests
  failed = numFailedTests
  // A test that did not run has not passed: skipped tests count as failures.
  if (numTotalTests !== passed + failed) failed = numTotalTests - passed
  rmSync(join(report, '..'), { recursive: true, force: true })
}
if (only.length === 0) {
  passed += Number(checked) + Number(current)
  failed += Number(!checked) + Number(!current)
}
if (status !== 0 && failed === 0) failed = 1 // the runner itself failed
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)

function findBrowser() {
  const known = [
    process.env['XUECHENG_BROWSER'],
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ]
  const mac = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome']
  return [...known, ...mac].find((path) => path && existsSync(path))
}

/** Installs Debian's Chromium and a Chinese font. On other systems a person installs a browser and sets its path. */
function installBrowser() {
  const help = 'No Chromium was found. Install one and set XUECHENG_BROWSER to its path.'
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) throw new Error(help)
  console.log('Installing Chromium and a Chinese font 安装浏览器与中文字体 …')
  const options = { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  execFileSync('apt-get', ['update', '-qq'], options)
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-noto-cjk'], options)
  const found = findBrowser()
  if (!found) throw new Error(help)
  return found
}
