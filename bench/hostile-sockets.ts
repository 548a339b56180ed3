/**
 * The attacker of `npm run bench -- hostile`, as a process of its own: a number of sockets of one kind, each starting
 * again when it is answered or cut off, until the parent ends it. They use the given loopback addresses: `node
 * hostile-sockets.ts ORIGIN COUNT ADDRESS,… KIND…`
 */
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** What one socket sends, and what it then drips. */
interface Kind {
  readonly head: (index: number) => string
  readonly drip?: string
}

const text = (lines: readonly string[], body = '') => `${lines.join('\r\n')}\r\n\r\n${body}`
const host = 'host: shop'
const json = 'content-type: application/json'
const ones = `{"totalAmount":"1.00","payType":"alipay","courseIds":[${'1,'.repeat(31_000)}1]}`
const form = 'a=1&'.repeat(16_000)
const forged = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from('{"sid":"x"}').toString('base64url')}.${'A'.repeat(43)}`

export const KINDS: Readonly<Record<string, Kind>> = {
  'orders of 32,000 courses': {
    head: () => text(['POST /api/orders HTTP/1.1', host, json, `content-length: ${ones.length}`], ones),
  },
  'forged tokens': { head: () => text(['GET /api/me HTTP/1.1', host, `authorization: Bearer ${forged}`]) },
  'unsigned notifications': {
    head: () =>
      text(
        [
          'POST /api/payments/alipay/notify HTTP/1.1',
          host,
          'content-type: application/x-www-form-urlencoded',
          `content-length: ${form.length}`,
        ],
        form,
      ),
  },
  searches: { head: (index) => text([`GET /api/courses?q=${index}%25a&sort=popular&limit=100 HTTP/1.1`, host]) },
  pages: { head: () => text(['GET / HTTP/1.1', host, `cookie: ${'c=1; '.repeat(2000)}c=1`]) },
  registrations: {
    head: (index) => {
      const body = JSON.stringify({ username: `h${process.pid}x${index}`, password: 'correct horse battery' })
      return text(['POST /api/users HTTP/1.1', host, json, `content-length: ${body.length}`], body)
    },
  },
  'slow headers': { head: () => 'GET / HTTP/1.1\r\n', drip: 'x: y\r\n' },
  'dripping bodies': { head: () => text(['GET /api/courses HTTP/1.1', host, 'content-length: 100000']), drip: 'x' },
  'uploads before a login': {
    head: () =>
      text([
        'POST /api/admin/uploads HTTP/1.1',
        host,
        'content-type: multipart/form-data; boundary=x',
        'content-length: 1000000000',
      ]),
    drip: 'x'.repeat(10_000),
  },
  'silent connections': { head: () => '' },
}

const [origin = '', count = '0', from = '', ...kinds] = process.argv.slice(2)
const { hostname, port } = new URL(origin)
const chosen = kinds.flatMap((name) => KINDS[name] ?? [])
const addresses = from.split(',')
let sent = 0

async function torment(kind: Kind, localAddress: string): Promise<void> {
  for (;;) {
    await new Promise<void>((done) => {
      const socket = connect({ port: Number(port), host: hostname, localAddress })
      const timer = kind.drip ? setInterval(() => socket.writable && socket.write(kind.drip ?? ''), 100) : undefined
      const again = () => {
        if (kind.drip || !socket.writable) return
        sent += 1
        socket.write(kind.head(sent))
      }
      socket
        .on('connect', again)
        .on('data', again)
        .on('error', () => {})
      if (kind.drip) socket.write(kind.head(0))
      socket.once('close', () => {
        clearInterval(timer)
        done()
      })
    })
    await pause(20)
  }
}

for (let index = 0; index < Number(count); index += 1) {
  const kind = chosen[index % chosen.length]
  if (kind) void torment(kind, addresses[index % addresses.length] ?? '127.0.0.1')
}
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
