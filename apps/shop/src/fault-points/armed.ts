/**
 * The function behind every fault point while the proof runs (condition `xuecheng:prove`, see docs/proof.md): now and then the
 * process kills itself as `kill -9` would, right there. Never part of a shop that sells.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

interface Plan {
  /** How many of a million passes are the last. */
  readonly perMillion: number
  readonly seed: number
}

const file = process.env['XUECHENG_FAULT_PLAN'] ?? ''
let passes = process.pid

export function faultPoint(name: string): void {
  if (!existsSync(file)) return
  const { perMillion, seed } = JSON.parse(readFileSync(file, 'utf8')) as Plan
  passes += 1
  if (scatter(seed ^ Math.imul(passes, 0x9e3779b1)) % 1_000_000 >= perMillion) return
  appendFileSync(`${file}.struck`, `${name}\n`)
  process.kill(process.pid, 'SIGKILL')
  // The signal may take a moment; nothing may happen in it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/** Spreads the bits of a number, so that neighbours have nothing in common. */
function scatter(value: number): number {
  let bits = value >>> 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
