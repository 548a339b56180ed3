/** Whether a request was made on this machine itself, and not forwarded by a proxy on it. */
import type { FastifyRequest } from 'fastify'
import { isLoopbackHost } from '../../live.ts'

/** Headers that proxies add. Their content is not trusted, but their presence means that a proxy may be in front. */
const ADDED_BY_PROXIES = ['forwarded', 'x-real-ip', 'x-forwarded-host', 'x-forwarded-proto', 'via', 'cf-connecting-ip']

/**
 * True when the client's address and the requested host are both loopback and nothing indicates a proxy that the
 * settings do not know. In doubt, false.
 */
export function isFromThisMachine(request: FastifyRequest, trustedProxies: number): boolean {
  const { headers, ip, host, raw } = request
  if (!isLoopbackHost(ip) || !isLoopbackHost(hostOf(host))) return false
  const entries = forwardedEntries(headers['x-forwarded-for'])
  // Each known proxy adds one entry; with none, or with more entries than proxies, the address is not the client's.
  if (trustedProxies > 0) return entries > 0 && entries <= trustedProxies
  // Browsers speak HTTP/1.1; a proxy that adds no header speaks HTTP/1.0 by default.
  return entries === 0 && raw.httpVersion !== '1.0' && ADDED_BY_PROXIES.every((name) => headers[name] === undefined)
}

/** How many addresses `X-Forwarded-For` names. */
export const forwardedEntries = (header: string | readonly string[] | undefined): number =>
  header === undefined ? 0 : String(header).split(',').length

const hostOf = (host: string): string => host.replace(/:\d+$/, '')
