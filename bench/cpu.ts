/**
 * How processor time under load is divided between shop, PostgreSQL, sandbox and load generator. Linux only: from
 * /proc.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { processesOf } from '../tests/harness/processes.ts'

/** Seconds of processor time since the start of each. */
export interface Cpu {
  readonly shop: number
  readonly database: number
  readonly sandbox: number
  readonly generator: number
}

/** The kernel counts in hundredths of a second (`getconf CLK_TCK`). */
const TICKS = 100

/** The processor time of all descendants of this process so far. */
export function cpuOf(parent: number): Cpu {
  const { 'web server': web, jobs, PostgreSQL: servers, sandbox } = processesOf(parent)
  const sum = (pids: readonly number[]) => pids.reduce((total, pid) => total + secondsOf(pid), 0)
  const database = servers.flatMap((pid) => [pid, ...childrenOf(pid)])
  return {
    shop: sum([...web, ...jobs]),
    database: sum(database),
    sandbox: sum(sandbox),
    generator: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
  }
}

/** Milliseconds of each per request. */
export function perRequest(before: Cpu, after: Cpu, requests: number): Cpu {
  const of = (who: keyof Cpu) => ((after[who] - before[who]) * 1000) / requests
  return { shop: of('shop'), database: of('database'), sandbox: of('sandbox'), generator: of('generator') }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).trim().split(' ').filter(Boolean).map(Number),
  )
}

function secondsOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS
}

/** Empty for a process that has exited. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
