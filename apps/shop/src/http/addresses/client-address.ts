/**
 * The client's address in one canonical form. Proxies write it in many ways: with a port, in brackets, IPv4 mapped to
 * IPv6, or `unknown`. It is normalised once, when the request arrives; all later code reads `request.ip`.
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Must be added before any other hook. */
export function nameClients(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const address = clientAddress(request)
    if (address !== request.ip) Object.defineProperty(request, 'ip', { value: address })
    done()
  })
}

/** The client as the trusted proxies report it; if that is not an address, the nearest hop before it that has one. */
const clientAddress = ({ ips, ip }: FastifyRequest): string =>
  (ips ?? [ip]).map((written) => plainAddress(written)).findLast((address) => address !== undefined) ?? ''

/** An IPv4 or IPv6 address without port, brackets or zone; undefined for anything else. */
export function plainAddress(written: string | undefined): string | undefined {
  if (written === undefined) return undefined
  if (isIPv4(written)) return written
  const bare = (/^\[([^\]]+)\](?::\d+)?$/.exec(written)?.[1] ?? /^([\d.]+):\d+$/.exec(written)?.[1] ?? written).trim()
  if (isIPv4(bare)) return bare
  const [address = ''] = bare.split('%')
  return isIPv6(address) ? (carriedV4(address) ?? address.toLowerCase()) : undefined
}

/** `::ffff:1.2.3.4` in any of its spellings (RFC 4291, 2.5.5.2). */
function carriedV4(address: string): string | undefined {
  const { hostname } = new URL(`http://[${address}]`)
  const [, high, low] = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(hostname) ?? []
  if (high === undefined || low === undefined) return undefined
  const words = [high, low].map((word) => Number.parseInt(word, 16))
  return words.flatMap((word) => [word >> 8, word & 255]).join('.')
}
