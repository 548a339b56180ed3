/**
 * The host names that the sandbox's pages accept. A page at evil.example may resolve its name to this machine (DNS
 * rebinding); the browser then treats the sandbox as evil.example's server, but still sends that name in `Host`.
 */
import { isIP, isIPv6 } from 'node:net'
import type { FastifyInstance } from 'fastify'

export interface Names {
  /** The address it listens on. */
  readonly host: string
  /** Further accepted names. */
  readonly allowed: readonly string[]
}

const EVERY_ADDRESS = ['0.0.0.0', '::']

/** Refuses a request for another name with 421, before its body is read. */
export function refuseForeignHosts(app: FastifyInstance, names: Names): void {
  app.addHook('onRequest', async (request, reply) => {
    if (answersTo(request.headers.host, names)) return
    return reply
      .code(421)
      .type('text/plain; charset=utf-8')
      .send(
        'Refused: this sandbox does not answer to the name in the Host header. ' +
          'Start it with SANDBOX_ALLOWED_HOSTS=<name> to allow one.\n',
      )
  })
}

/** Whether a `Host` header names this sandbox. */
export function answersTo(header: string | undefined, { host, allowed }: Names): boolean {
  const name = nameOf(header)
  if (name === undefined) return false
  if (isLoopback(name) || name === plain(host)) return true
  // Rebinding needs a name: a page loaded from this machine's IP address comes from this machine.
  if (EVERY_ADDRESS.includes(host) && isIP(name) !== 0) return true
  return allowed.some((each) => plain(each) === name)
}

/** The name without port and brackets, as browsers write it; undefined if it is not a name. */
function nameOf(header: string | undefined): string | undefined {
  if (header === undefined || !/^[\w.:[\]-]+$/.test(header) || !URL.canParse(`http://${header}`)) return undefined
  return plain(new URL(`http://${header}`).hostname)
}

const plain = (name: string): string => name.toLowerCase().replace(/^\[(.*)\]$/, '$1')

function isLoopback(name: string): boolean {
  return name === '::1' || name === 'localhost' || name.endsWith('.localhost') || /^127(\.\d{1,3}){3}$/.test(name)
}

/** The address at which this machine reaches a listener on `host`: one cannot connect to "all addresses". */
export function reachedAt(host: string): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return isIPv6(reached) ? `[${reached}]` : reached
}
