/** What a test does at the sandbox in place of a person: pay, switch notifications off, look at the books. */

export interface SandboxTrade {
  readonly tradeNo: string
  readonly outTradeNo: string
  readonly status: string
  readonly totalAmount: string
  readonly refundedAmount: string
}

export interface SandboxApi {
  /** Pays a pay link as the default buyer would at the cashier; the signed return address comes back. */
  pay(payUrl: string): Promise<{ trade: SandboxTrade; returnUrl: string }>
  notifications(enabled: boolean): Promise<void>
  trades(outTradeNo: string): Promise<SandboxTrade[]>
  get<Body>(path: string): Promise<Body>
  send<Body>(method: string, path: string, body?: unknown): Promise<Body>
  /** Moves the clock to half past ten of the next day in Beijing, when both gateways' bills of this day are there. */
  nextMorning(): Promise<void>
}

/** When the bills of the day of an instant are there; RFC 3339. */
export function morningAfter(now: string): string {
  const DAY_MS = 86_400_000
  const midnight = Math.floor((Date.parse(now) + 8 * 3_600_000) / DAY_MS + 1) * DAY_MS - 8 * 3_600_000
  return new Date(midnight + 10.5 * 3_600_000).toISOString()
}

export function createSandboxApi(base: string): SandboxApi {
  const send = async <Body>(method: string, path: string, body?: unknown): Promise<Body> => {
    const response = await fetch(`${base}/sandbox/api${path}`, {
      method,
      signal: AbortSignal.timeout(60_000),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`sandbox ${method} ${path}: ${response.status} ${text.slice(0, 300)}`)
    return (text === '' ? undefined : JSON.parse(text)) as Body
  }
  return {
    send,
    get: (path) => send('GET', path),
    pay: (payUrl) => send('POST', '/pay', { payUrl }),
    async nextMorning() {
      const { now } = await send<{ now: string }>('GET', '/clock')
      await send('POST', '/clock', { now: morningAfter(now) })
    },
    notifications: (enabled) => send('PUT', '/notifications', { enabled }),
    async trades(outTradeNo) {
      const { items } = await send<{ items: SandboxTrade[] }>('GET', `/trades?outTradeNo=${outTradeNo}`)
      return items
    },
  }
}
