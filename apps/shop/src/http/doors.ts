/**
 * Where connections come in. A turn of Node's event loop accepts one connection a listening socket, and under load a turn
 * takes long: by one door, newcomers would wait outside for many seconds, unseen by everything that decides who goes first.
 * So each process has several; the kernel deals connections out to all doors of all processes.
 */
import { createServer, type Server } from 'node:net'
import { platform } from 'node:os'
import { SettingError } from '../config.ts'
import type { Application } from './application.ts'

const DOORS = 12
/** Connections that the kernel keeps for each until they are accepted: one that it drops comes again only after a second. */
const BACKLOG = 1024

export interface Place {
  readonly host: string
  /** 0 for any: then all processes share one door. */
  readonly port: number
}

const canShare = (port: number): boolean => port !== 0 && platform() === 'linux'

/** Opens this process's doors. @throws Error when the port is somebody else's */
export async function openDoors(app: Application, { host, port }: Place): Promise<void> {
  if (!canShare(port)) {
    await app.listen({ host, port, backlog: BACKLOG })
    return
  }
  const door = { port, backlog: BACKLOG, exclusive: true, reusePort: true }
  await app.listen({ host, ...door })
  const others: Server[] = []
  app.server.once('close', () => {
    for (const other of others) other.close()
  })
  for (const at of app.addresses()) {
    if (typeof at === 'string') continue // a path, which is not ours
    for (let count = 1; count < DOORS; count += 1) {
      const other = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        app.server.emit('connection', socket),
      )
      others.push(other)
      await listening(other, { host: at.address, ...door })
    }
  }
}

/**
 * Doors open beside whoever else shares theirs, another shop too: that somebody stands there already is seen only by asking
 * for a door of one's own.
 * @param setting what the port is called
 * @throws SettingError when the port is taken or not allowed, or the host is not this machine's
 */
export async function refuseTakenPort({ host, port }: Place, setting = 'PORT'): Promise<void> {
  const server = createServer()
  try {
    await listening(server, { host, port, exclusive: true })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'EADDRINUSE')
      throw new SettingError(setting, `${port} is in use by another program`, String(port < 65_535 ? port + 1 : 8000))
    if (code === 'EACCES')
      throw new SettingError(setting, `${port} may not be opened by this account`, String(port + 8000))
    if (NOT_HERE.includes(code))
      throw new SettingError('HOST', `"${host}" is no address of this machine (${code})`, '127.0.0.1')
    throw error
  }
  await new Promise((done) => server.close(done))
}

/** Not found by its name, not one of its addresses, or of a family that it does not speak. */
const NOT_HERE = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']

function listening(server: Server, options: { host: string; port: number; [option: string]: unknown }): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(options, () => done())
  })
}
