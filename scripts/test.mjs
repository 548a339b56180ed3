// `npm test`: everything, from a fresh clone. Checks first, then unit, system and browser tests in one runner.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './find-node.mjs'
import { build, install } from './prepare.mjs'
import { run } from './run.mjs'

const SHELL = '/usr/bin/chromium-headless-shell'
const CHROMIUMS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const INSTALL_LIMIT_MS = 300_000

install()
build()
installBrowser()
const browser = findBrowser()
if (!browser) throw new Error('No Chromium was found. Install one and set XUECHENG_BROWSER to its path.')
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

/** The one without windows first: the same engine, at half the processor time. */
function findBrowser() {
  return [process.env['XUECHENG_BROWSER'], SHELL, ...CHROMIUMS].find((path) => path && existsSync(path))
}

/** Installs Debian's Chromium without windows. On other systems a person installs a browser and sets its path. */
function installBrowser() {
  const found = findBrowser()
  if (found && [SHELL, process.env['XUECHENG_BROWSER']].includes(found)) return
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return
  console.log('Installing a browser without windows 安装无界面浏览器 …')
  const packages = ['chromium-headless-shell', ...(found ? [] : ['fonts-noto-cjk'])]
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: INSTALL_LIMIT_MS,
  }
  try {
    execFileSync('apt-get', ['update', '-qq'], options)
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', '--no-remove', ...packages], options)
  } catch (error) {
    console.error(`It was not installed: ${error.message}`)
  }
}
