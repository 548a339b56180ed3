/** Whether an address can be reached from the internet, decided from its text only; no name is resolved. */
import { BlockList, isIP } from 'node:net'
import { isLoopbackHost } from './live.ts'

/** Private and loopback networks; 100.64.0.0/10 is used by providers that share addresses (carrier-grade NAT). */
const OWN = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  OWN.addSubnet(network, bits, 'ipv4')
}
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  OWN.addSubnet(network, bits, 'ipv6')
}
const OWN_NAMES = /(^|\.)(localhost|local|lan|internal|home\.arpa)$/

/** An IPv4 or IPv6 address; anything else is not public. */
export function isPublicAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  const version = isIP(plain)
  return version !== 0 && !OWN.check(plain, version === 6 ? 'ipv6' : 'ipv4')
}

/**
 * A host as in an address, without the port: a public IP address, or a name with a dot that no private network uses.
 */
export function isPublicHost(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
  if (isIP(name) !== 0) return isPublicAddress(name)
  return !isLoopbackHost(name) && name.includes('.') && !OWN_NAMES.test(name)
}
