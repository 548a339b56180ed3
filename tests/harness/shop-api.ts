/** The shop's API as a program uses it: with a token, over HTTP. */

export interface Checkout {
  readonly orderNo: string
  readonly status: string
  readonly totalAmount: string
  readonly expiresAt: string
  readonly payUrl: string
}

export interface Order {
  readonly orderNo: string
  readonly status: string
  readonly totalAmount: string
  readonly tradeNo: string | null
  readonly lines: readonly { courseId: number; price: string }[]
}

export interface Answer<Body> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

export interface ShopApi {
  token: string | undefined
  call<Body>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<Body>>
  login(username: string, password: string): Promise<void>
  register(username: string): Promise<void>
  buy(courseIds: readonly number[], totalAmount: string, headers?: Record<string, string>): Promise<Answer<Checkout>>
  order(orderNo: string): Promise<Order>
  ownedIds(): Promise<number[]>
}

const PATIENCE_MS = 25_000

/** @param patient whether it comes again when the shop says that there are too many at once */
export function createShopApi(base: string, patient = true): ShopApi {
  const api: ShopApi = {
    token: undefined,
    async call<Body>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      for (const until = performance.now() + PATIENCE_MS; ; ) {
        const response = await fetch(base + path, {
          method,
          // Whoever waits in vain tries again, as a person would.
          signal: AbortSignal.timeout(PATIENCE_MS),
          headers: {
            ...(api.token ? { authorization: `Bearer ${api.token}` } : {}),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        const text = await response.text()
        const parsed = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text
        const answer = { status: response.status, headers: response.headers, body: parsed as Body }
        if (parsed.code !== 'OVERLOADED' || !patient || performance.now() > until) return answer
        // Nothing was done: whoever is sent away comes again when told to.
        await new Promise((done) => setTimeout(done, Number(response.headers.get('retry-after')) * 1000))
      }
    },
    async login(username, password) {
      const { status, body } = await api.call<{ token: string }>('POST', '/api/session', { username, password })
      if (status !== 200) throw new Error(`login: ${status} ${JSON.stringify(body)}`)
      api.token = body.token
    },
    async register(username) {
      const { status, body } = await api.call<{ token: string }>('POST', '/api/users', {
        username,
        password: 'a long password',
      })
      if (status !== 201) throw new Error(`register: ${status} ${JSON.stringify(body)}`)
      api.token = body.token
    },
    buy: (courseIds, totalAmount, headers) =>
      api.call<Checkout>('POST', '/api/orders', { courseIds, totalAmount, payType: 'alipay' }, headers),
    order: async (orderNo) => (await api.call<Order>('GET', `/api/orders/${orderNo}`)).body,
    async ownedIds() {
      const { body } = await api.call<{ items: { course: { id: number } }[] }>('GET', '/api/me/courses')
      return body.items.map(({ course }) => course.id).sort((left, right) => left - right)
    },
  }
  return api
}
