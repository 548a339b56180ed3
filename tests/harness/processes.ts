/** The processes of a running system, by what they do. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export type Process = 'web server' | 'jobs' | 'PostgreSQL' | 'sandbox'

/** The processes below the parent, by what they are. Linux only: read from /proc. */
export function processesOf(parent: number): Record<Process, number[]> {
  const found: Record<Process, number[]> = { 'web server': [], jobs: [], PostgreSQL: [], sandbox: [] }
  const all = readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? [describe(Number(entry))] : []))
  const below = new Set([parent])
  for (let grown = true; grown; ) {
    grown = false
    for (const each of all) {
      if (!each || below.has(each.pid) || !below.has(each.parent)) continue
      below.add(each.pid)
      grown = true
    }
  }
  for (const each of all) {
    if (!each || each.pid === parent || !below.has(each.pid)) continue
    // The one that every other PostgreSQL process is a child of.
    if (each.command === 'postgres') {
      if (!all.some((other) => other?.pid === each.parent && other.command === 'postgres'))
        found.PostgreSQL.push(each.pid)
    } else if (each.role === 'web') found['web server'].push(each.pid)
    else if (each.role === 'jobs') found.jobs.push(each.pid)
    else if (each.line.includes('packages/sandbox')) found.sandbox.push(each.pid)
  }
  return found
}

function describe(pid: number) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
    const command = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    const role = /(?:^|\0)XUECHENG_ROLE=(\w+)/.exec(environment)?.[1]
    return { pid, parent, command, line, role }
  } catch {
    return undefined // gone meanwhile
  }
}

/** Every process that has to do with the folder: by its environment or its command line. */
export function processesIn(dataDir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      const read = (file: string) => {
        try {
          return readFileSync(`/proc/${name}/${file}`, 'utf8')
        } catch {
          return ''
        }
      }
      return (
        read('environ').includes(`DATA_DIR=${dataDir}\0`) || read('cmdline').includes(dataDir) || worksIn(name, dataDir)
      )
    })
    .map(Number)
}

/** PostgreSQL is started in its folder, and need not know the folder's name. */
function worksIn(pid: string, dataDir: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(dataDir)
  } catch {
    return false
  }
}
