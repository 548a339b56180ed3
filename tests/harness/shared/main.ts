/**
 * Lends running shops to test files, one file at a time each: a file that makes its own buyers, orders and courses, and leaves
 * settings, staff, clock and processes alone, needs no shop of its own. A file has its shop for as long as its connection stands;
 * another shop is started only when all are lent.
 */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { startSystem } from '../system.ts'

type Shop = ReturnType<typeof startSystem>

const all: Shop[] = []
const idle: Shop[] = []

async function lend(socket: Socket): Promise<void> {
  const returned = once(
    socket.on('error', () => {}),
    'close',
  )
  const shop = idle.pop() ?? startSystem()
  if (!all.includes(shop)) all.push(shop)
  try {
    const { shopUrl, sandboxUrl, metricsUrl, dataDir, sandbox } = await shop
    socket.write(`${JSON.stringify({ shopUrl, sandboxUrl, metricsUrl, dataDir })}\n`)
    await returned
    await sandbox.notifications(true)
    await sandbox.send('DELETE', '/faults')
    idle.push(shop)
  } catch (error) {
    // The shop is lent to nobody else.
    socket.destroy()
    console.error(error)
  }
}

const server = createServer((socket) => void lend(socket)).listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
process.send?.(address && typeof address === 'object' ? address.port : 0)
await once(process, 'disconnect')
await Promise.allSettled(all.map(async (shop) => (await shop).stop()))
process.exit()
