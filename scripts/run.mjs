// Runs programs that end together with their starter: by Ctrl-C, a signal to npm, a closed terminal, or `kill -9` of
// any process in between. npm passes SIGTERM only to its shell, which exits without forwarding it.
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNode, root } from './find-node.mjs'

const LOOK_EVERY_MS = 500
const KILL_AFTER_MS = 30_000
const LIFELINE = join(dirname(fileURLToPath(import.meta.url)), 'lifeline.mjs')
const started = npmAbove()
let stopping = false

/** Calls back once npm, or the shell in between, has exited. Does nothing if started without npm. */
export function whenOrphaned(stop) {
  if (!started) return
  const timer = setInterval(() => {
    if (process.ppid === started.parent && (!started.npm || parentOf(started.parent) === started.npm)) return
    clearInterval(timer)
    stop()
  }, LOOK_EVERY_MS)
  timer.unref()
}

/** Our parent, and npm if that is the parent's parent. Undefined if npm is not directly above us. */
function npmAbove() {
  if (!process.env['npm_lifecycle_event']) return undefined
  const parent = process.ppid
  if (isNpm(parent)) return { parent }
  const npm = parentOf(parent)
  return npm && isNpm(npm) ? { parent, npm } : undefined
}

function isNpm(pid) {
  return /(^|[\s/\0])(npm|npx|pnpm|yarn)/.test(describe(pid, 'args'))
}

/** 0 if it has exited. */
function parentOf(pid) {
  return Number(describe(pid, 'ppid')) || 0
}

function describe(pid, what) {
  try {
    if (process.platform === 'win32') return ''
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', `${what}=`, '-p', String(pid)], { encoding: 'utf8' })
    if (what === 'args') return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]
  } catch {
    return ''
  }
}

/**
 * Runs a program on the project's Node.js. It ends with us, and with `group` so do all its children.
 * @returns its exit code; 1 if it was terminated
 */
export function run(args, { env = {}, group = false, cwd = root } = {}) {
  const child = spawn(findNode(), ['--import', LIFELINE, ...args], {
    cwd,
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    detached: group,
    env: { ...process.env, ...env, XUECHENG_LIFELINE: group ? 'group' : 'process' },
  })
  const end = (signal) => {
    try {
      process.kill(group ? -child.pid : child.pid, signal)
    } catch {
      // it has exited
    }
  }
  const stop = (signal) => {
    stopping = true
    end(signal)
    setTimeout(() => end('SIGKILL'), KILL_AFTER_MS).unref()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A program in our own process group receives Ctrl-C itself.
    process.on(signal, () => (signal === 'SIGINT' && !group ? undefined : stop(signal)))
  }
  whenOrphaned(() => stop('SIGTERM'))
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('exit', (code) => {
      if (stopping) process.exit(1) // skip everything that would follow
      done(code ?? 1)
    })
  })
}
