/**
 * Whether a client may have the address that the merchant gave (WeChat Pay, "H5 particulars": the client's real public
 * address).
 */
import { BlockList, isIP } from 'node:net'

/** Loopback and private addresses, which no client has on the internet. */
const OWN = new BlockList()
for (const [network, bits] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
  ] as const),
  ...([
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
  ] as const),
] as const) {
  OWN.addSubnet(network, bits, 'ipv4')
}
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  OWN.addSubnet(network, bits, 'ipv6')

/**
 * A client that reaches the sandbox from a private network has such an address, so it is accepted from there; any other
 * non-public address is refused, as WeChat refuses `127.0.0.1`.
 */
export function mayPayFrom(said: string, from: string): boolean {
  const [there, here] = [plain(said), plain(from)]
  if (!isOwn(there) || there === here) return true
  return isLoopback(there) && isLoopback(here)
}

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')
const isOwn = (address: string): boolean => OWN.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.')
