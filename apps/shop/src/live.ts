/**
 * Whether the shop is live: real money, or people from elsewhere, may reach it. A live shop neither accepts nor shows
 * demo passwords, and delivers nothing for payments to the sandbox. Decided here and nowhere else.
 */

export interface LiveFacts {
  /** `NODE_ENV=production`. */
  readonly production: boolean
  /** Keys of a merchant at a gateway that is not on this machine, from the environment or the back office. */
  readonly realMerchant: boolean
  /** `PUBLIC_URL`, if set. */
  readonly publicUrl: string | undefined
}

export const isLive = ({ production, realMerchant, publicUrl }: LiveFacts): boolean =>
  production || realMerchant || (publicUrl !== undefined && !isLoopbackUrl(publicUrl))

/** Whether an address can only be reached from this machine. An invalid address counts as reachable from elsewhere. */
export const isLoopbackUrl = (url: string): boolean => URL.canParse(url) && isLoopbackHost(new URL(url).hostname)

/** A host as in an address or a `Host` header, without the port. */
export function isLoopbackHost(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^::ffff:/, '')
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || isLoopbackV4(name)
}

const isLoopbackV4 = (address: string): boolean =>
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address) || /^7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(address)
