/** The deliberate failures: processes killed as by `kill -9`, and every fault of the sandbox, at random. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { FAULTS, type FaultKind } from '../packages/sandbox/src/core/faults/fault.ts'
import { type Process, processesOf } from '../tests/harness/processes.ts'
import type { System } from '../tests/harness/system.ts'
import { pause } from './client.ts'
import type { Random } from './random.ts'
import { type Running, untilStopped } from './until-stopped.ts'

/** Its end resolves once the sandbox answers again. */
export interface Chaos extends Running {
  readonly kills: Record<Process, number>
}

/** Milliseconds between two kills: a minimum and a random part. */
const KILL_PAUSE = { min: 4000, spread: 5000 }
const FAULT_PAUSE = { min: 700, spread: 1500 }
const FAULTS_AT_ONCE = 8

/**
 * An order passes about fifteen fault points; about one order in thirty should lose a process at one, more in a short
 * run.
 */
const PASSES = 15
const strikesPerMillion = (orders: number): number =>
  Math.round((Math.max(20, orders / 30) / (orders * PASSES)) * 1_000_000)

export function startChaos(
  system: System,
  random: Random,
  { planFile, seed, orders }: { planFile: string; seed: number; orders: number },
): Chaos {
  const kills: Record<Process, number> = { 'web server': 0, jobs: 0, PostgreSQL: 0, sandbox: 0 }
  writeFileSync(planFile, JSON.stringify({ perMillion: strikesPerMillion(orders), seed }))
  const running = untilStopped(
    (goesOn) =>
      Promise.all([
        kill(system, random.fork(), goesOn, kills),
        trouble(system, random.fork(), goesOn),
        silence(system, random.fork(), goesOn),
      ]),
    () => calm(system),
  )
  return {
    kills,
    stop() {
      rmSync(planFile, { force: true })
      return running.stop()
    },
  }
}

async function kill(
  system: System,
  draw: Random,
  goesOn: () => boolean,
  kills: Record<Process, number>,
): Promise<void> {
  while (goesOn()) {
    await pause(KILL_PAUSE.min + draw.below(KILL_PAUSE.spread))
    if (!goesOn()) return
    const victim = draw.weighted<Process>({ 'web server': 4, jobs: 3, PostgreSQL: 2, sandbox: 2 })
    const found = processesOf(system.process.pid ?? 0)[victim]
    if (found.length === 0) continue
    try {
      process.kill(draw.pick(found), 'SIGKILL')
      kills[victim] += 1
    } catch {
      // It has just ended by itself, perhaps at a fault point.
    }
  }
}

async function trouble({ sandbox }: System, draw: Random, goesOn: () => boolean): Promise<void> {
  const set: number[] = []
  while (goesOn()) {
    await pause(FAULT_PAUSE.min + draw.below(FAULT_PAUSE.spread))
    try {
      const { id } = await sandbox.send<{ id: number }>('POST', '/faults', faultFor(draw.pick(FAULTS), draw))
      set.push(id)
      if (set.length > FAULTS_AT_ONCE) await sandbox.send('DELETE', `/faults/${set.shift()}`)
    } catch {
      // The sandbox has just been killed; the next fault will reach it again.
    }
  }
}

/** Now and then a period without any notification: the shop has to query the gateway. */
async function silence({ sandbox }: System, draw: Random, goesOn: () => boolean): Promise<void> {
  const speak = (enabled: boolean) => sandbox.notifications(enabled).catch(() => {})
  while (goesOn()) {
    await pause(3000 + draw.below(15_000))
    if (goesOn()) await speak(false)
    await pause(draw.below(6000))
    await speak(true)
  }
}

/** Ends the faults once the sandbox answers again. */
async function calm({ sandbox }: System): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      // Faults that buyers set for one trade stay: its notifications are lost for good.
      const { items } = await sandbox.get<{ items: { id: number; scope: unknown }[] }>('/faults')
      const ours = items.filter(({ scope }) => scope === 'all')
      await Promise.all(ours.map(({ id }) => sandbox.send('DELETE', `/faults/${id}`)))
      await sandbox.notifications(true)
      return
    } catch (error) {
      if (tries > 60) throw error
      await pause(500)
    }
  }
}

/**
 * What each gateway may refuse without acting, and without a false statement such as that a paid trade does not exist.
 */
const REFUSED_CALLS: readonly { readonly method: string; readonly codes: readonly string[] }[] = [
  {
    method: 'alipay.trade.refund',
    codes: ['ACQ.SYSTEM_ERROR', 'ACQ.TRADE_NOT_EXIST', 'ACQ.REFUND_CHARGE_ERROR', 'ACQ.SELLER_BALANCE_NOT_ENOUGH'],
  },
  {
    method: 'POST /v3/refund/domestic/refunds',
    codes: ['SYSTEM_ERROR', 'FREQUENCY_LIMITED', 'RESOURCE_NOT_EXISTS', 'NOT_ENOUGH', 'INVALID_REQUEST'],
  },
  { method: 'POST /v3/pay/transactions/native', codes: ['SYSTEM_ERROR', 'FREQUENCY_LIMITED', 'RULE_LIMIT'] },
  { method: 'POST /v3/pay/transactions/h5', codes: ['SYSTEM_ERROR', 'FREQUENCY_LIMITED', 'NO_AUTH'] },
  { method: 'POST /v3/pay/transactions/out-trade-no/:no/close', codes: ['SYSTEM_ERROR', 'FREQUENCY_LIMITED'] },
]

function refusalFor(draw: Random): Record<string, string> {
  const { method, codes } = draw.pick(REFUSED_CALLS)
  return { method, subCode: draw.pick(codes) }
}

function faultFor(kind: FaultKind, draw: Random): Record<string, unknown> {
  const waits = kind.startsWith('timeout') ? { seconds: 9 } : { seconds: 1 + draw.below(20) }
  const refused = kind === 'business-error' ? refusalFor(draw) : {}
  const rare = kind.startsWith('timeout') || kind === 'business-error'
  return { kind, probability: rare ? 0.1 : 0.15 + draw.below(30) / 100, times: rare ? 4 : 40, ...waits, ...refused }
}

/** How often each fault point ended a process. */
export function struckPoints(planFile: string): Record<string, number> {
  const file = `${planFile}.struck`
  const struck: Record<string, number> = {}
  if (!existsSync(file)) return struck
  for (const name of readFileSync(file, 'utf8').split('\n')) if (name) struck[name] = (struck[name] ?? 0) + 1
  return struck
}
