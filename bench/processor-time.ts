/** The processor time of all processes of a system, to the nanosecond: of every thread, from /proc. Linux only. */
import { readdirSync, readFileSync } from 'node:fs'

/** Milliseconds that this process and its descendants have used so far. */
export function millisecondsOf(parent: number): number {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = read(`/proc/${entry}/stat`)
    const above = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    children.set(above, [...(children.get(above) ?? []), Number(entry)])
  }
  const below = [parent]
  for (const pid of below) below.push(...(children.get(pid) ?? []))
  return below.reduce((total, pid) => total + ofThreads(pid), 0)
}

function ofThreads(pid: number): number {
  let threads: string[]
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return 0 // exited in the meantime
  }
  return threads.reduce(
    (sum, thread) => sum + Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] || 0) / 1e6,
    0,
  )
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
