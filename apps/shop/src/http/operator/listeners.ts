/**
 * Listening sockets. A turn of Node's event loop accepts one connection per listening socket, and under load a turn
 * takes long: with one socket, new connections would wait for many seconds where load shedding cannot see them. So each
 * process opens several; the kernel distributes connections over the sockets of all processes (SO_REUSEPORT).
 */
import { createServer, type Server } from 'node:net'
import { platform } from 'node:os'
import { SettingError } from '../../config.ts'
import type { Application } from '../application.ts'

const LISTENERS = 12
/**
 * The accept queue of each socket in the kernel: a client whose connection is dropped tries again only after a second.
 */
const BACKLOG = 1024

export interface ListenAddress {
  readonly host: string
  /** 0 for any free port; all processes then share one socket. */
  readonly port: number
}

const canShare = (port: number): boolean => port !== 0 && platform() === 'linux'

/** Opens this process's listeners. @throws Error when another program uses the port */
export async function openListeners(app: Application, { host, port }: ListenAddress): Promise<void> {
  if (!canShare(port)) {
    await app.listen({ host, port, backlog: BACKLOG })
    return
  }
  const options = { port, backlog: BACKLOG, exclusive: true, reusePort: true }
  await app.listen({ host, ...options })
  const others: Server[] = []
  app.server.once('close', () => {
    for (const other of others) other.close()
  })
  for (const at of app.addresses()) {
    if (typeof at === 'string') continue // a Unix socket, which the shop does not use
    for (let count = 1; count < LISTENERS; count += 1) {
      const other = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        app.server.emit('connection', socket),
      )
      others.push(other)
      await listening(other, { host: at.address, ...options })
    }
  }
}

/**
 * A port opened with SO_REUSEPORT can be shared with another program, even another shop. Only an exclusive socket shows
 * that the port is taken.
 * @param setting the setting for the port, and `hostSetting` for the host
 * @throws SettingError when the port is taken or not allowed, or the host is not an address of this machine
 */
export async function refuseTakenPort(place: ListenAddress, setting = 'PORT', hostSetting = 'HOST'): Promise<void> {
  const server = createServer()
  await listenAlone(server, place, setting, hostSetting)
  await new Promise((done) => server.close(done))
}

/**
 * Listens on an address that no other program shares.
 * @throws SettingError that names the setting at fault: the port's or the host's
 */
export async function listenAlone(
  server: Server,
  place: ListenAddress,
  setting: string,
  hostSetting: string,
): Promise<void> {
  const { host, port } = place
  try {
    await listening(server, { host, port, exclusive: true })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'EADDRINUSE')
      throw new SettingError(setting, `${port} is in use by another program`, String(port < 65_535 ? port + 1 : 8000))
    if (code === 'EACCES')
      throw new SettingError(setting, `${port} may not be opened by this account`, String(port + 8000))
    if (NOT_HERE.includes(code))
      throw new SettingError(hostSetting, `"${host}" is not an address of this machine (${code})`, '127.0.0.1')
    throw error
  }
}

/**
 * The name does not resolve, is not an address of this machine, or has an address family that the machine does not
 * support.
 */
const NOT_HERE = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']

function listening(server: Server, options: { host: string; port: number; [option: string]: unknown }): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(options, () => done())
  })
}
