/** The kit's client of a running sandbox's JSON interface. */
import { reach } from './reach.ts'

export interface Attempted {
  /** Starts with `POST` and the address. */
  readonly requestHeaders: string
  readonly requestBody: string
  readonly responseStatus: number | null
  readonly responseBody: string
  readonly error: string | null
  readonly acknowledged: boolean
}

export interface SandboxTrade {
  readonly tradeNo: string
  readonly appId: string
  readonly outTradeNo: string
  readonly notifyUrl: string | null
  readonly status: string
}

export interface WechatSandboxTrade {
  readonly mchId: string
  readonly outTradeNo: string
  readonly notifyUrl: string
}

interface SandboxDelivery {
  readonly id: number
  readonly event: string
  readonly state: string
  readonly attempts: readonly Attempted[]
}

export interface SandboxClient {
  /** Throws if there is no sandbox. */
  isThere(): Promise<void>
  pay(payUrl: string): Promise<SandboxTrade>
  refund(tradeNo: string, outRequestNo: string, amount?: string): Promise<SandboxTrade>
  /** Notifications of a trade, oldest first. */
  deliveries(tradeNo: string): Promise<readonly SandboxDelivery[]>
  replay(id: number, tamper?: string): Promise<Attempted>
  /** The WeChat Pay order of a code_url or h5_url, before it is paid. */
  wechatTrade(link: string): Promise<WechatSandboxTrade>
  wechatPay(link: string): Promise<void>
  /** Notifications of a WeChat Pay trade, oldest first. */
  wechatDeliveries(outTradeNo: string): Promise<readonly SandboxDelivery[]>
  wechatReplay(id: number, tamper?: string): Promise<Attempted>
  /** Makes the next scheduled attempt now; undefined if none is left. */
  next(id: number): Promise<Attempted | undefined>
  wechatNext(id: number): Promise<Attempted | undefined>
  /** Refunds the given amount, or the remainder, and completes the refund at once. */
  wechatRefund(trade: WechatSandboxTrade, outRefundNo: string, amount?: string): Promise<void>
  fault(kind: string, scope: object, times: number): Promise<number>
  removeFault(id: number): Promise<void>
  /** Sets whether this merchant's closed trades are notified; returns the previous value. */
  notifyOnClose(appId: string, on: boolean): Promise<boolean>
}

export function sandboxClient(url: string): SandboxClient {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await reach('the sandbox', new URL(`/sandbox/api${path}`, url), {
      method,
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok)
      throw new CallRefused(response.status, `the sandbox at ${url} refused ${method} ${path}: ${text.slice(0, 300)}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  const next = async (path: string): Promise<Attempted | undefined> => {
    try {
      return await call<Attempted>('POST', path, {})
    } catch (error) {
      if (error instanceof CallRefused && error.status === 409) return undefined
      throw error
    }
  }
  return {
    isThere: () => call('GET', '/clock'),
    pay: async (payUrl) => (await call<{ trade: SandboxTrade }>('POST', '/pay', { payUrl })).trade,
    refund: (tradeNo, outRequestNo, amount) =>
      call('POST', `/trades/${tradeNo}/refund`, { outRequestNo, ...(amount !== undefined && { amount }) }),
    async deliveries(tradeNo) {
      const { items } = await call<{ items: SandboxDelivery[] }>('GET', `/deliveries?tradeNo=${tradeNo}`)
      return items.toReversed()
    },
    replay: (id, tamper) => call('POST', `/deliveries/${id}/replay`, tamper === undefined ? {} : { tamper }),
    async wechatTrade(link) {
      const { items } = await call<{ items: WechatSandboxTrade[] }>(
        'GET',
        `/wechat/trades?link=${encodeURIComponent(link)}`,
      )
      if (!items[0]) throw new Error(`no order of this sandbox has the link ${link}`)
      return items[0]
    },
    wechatPay: async (link) => void (await call('POST', '/wechat/pay', { link })),
    async wechatDeliveries(outTradeNo) {
      const { items } = await call<{ items: SandboxDelivery[] }>('GET', `/wechat/deliveries?outTradeNo=${outTradeNo}`)
      return items.toReversed()
    },
    next: (id) => next(`/deliveries/${id}/next`),
    wechatNext: (id) => next(`/wechat/deliveries/${id}/next`),
    wechatReplay: (id, tamper) =>
      call('POST', `/wechat/deliveries/${id}/replay`, tamper === undefined ? {} : { tamper }),
    async wechatRefund({ mchId, outTradeNo }, outRefundNo, amount) {
      const body = { mchId, outRefundNo, ...(amount !== undefined && { amount }) }
      await call('POST', `/wechat/trades/${outTradeNo}/refund`, body)
      await call('POST', `/wechat/refunds/${outRefundNo}/end`, { mchId, status: 'SUCCESS' })
    },
    fault: async (kind, scope, times) => (await call<{ id: number }>('POST', '/faults', { kind, scope, times })).id,
    removeFault: async (id) => call<void>('DELETE', `/faults/${id}`).catch(() => undefined),
    async notifyOnClose(appId, on) {
      const { items } = await call<{ items: { appId: string; rules: { notifyOnClose: boolean } }[] }>(
        'GET',
        '/merchants',
      )
      await call('PUT', `/merchants/${appId}`, { rules: { notifyOnClose: on } })
      return items.find((merchant) => merchant.appId === appId)?.rules.notifyOnClose ?? false
    },
  }
}

class CallRefused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
