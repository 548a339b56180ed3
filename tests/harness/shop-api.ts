/** The shop's API as a program uses it: with a token, over HTTP. */
import { randomInt } from 'node:crypto'
import { platform } from 'node:os'
import { Agent, fetch as fetchFrom } from 'undici'
import { type Challenge, solved } from './proof.ts'

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
  /** Who is logged in. */
  username: string | undefined
  /** With which it proves that it is still itself, where the shop asks for that; undefined: it cannot. */
  password: string | undefined
  call<Body>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<Body>>
  login(username: string, password: string): Promise<void>
  register(username: string): Promise<void>
  buy(courseIds: readonly number[], totalAmount: string, headers?: Record<string, string>): Promise<Answer<Checkout>>
  order(orderNo: string): Promise<Order>
  ownedIds(): Promise<number[]>
}

const PATIENCE_MS = 60_000

/** Nothing was done, and it may be tried again when the answer says. */
const BUSY = ['OVERLOADED', 'PASSWORDS_BUSY']

/** @param patient whether it comes again when the shop says that there are too many at once, and does the work that it asks for */
export function createShopApi(base: string, patient = true): ShopApi {
  const api: ShopApi = {
    token: undefined,
    username: undefined,
    password: undefined,
    async call<Body>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const until = performance.now() + PATIENCE_MS
      for (let proved = false; ; ) {
        const response = await fetch(base + path, {
          method,
          // A request without an answer is repeated, as a person would.
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
        if (parsed.code === 'PROOF_REQUIRED' && api.password !== undefined && !proved) {
          const { status } = await api.call('POST', '/api/session/proof', { password: api.password })
          if (status !== 200) return answer
          proved = true
          continue
        }
        if (parsed.code === 'PROOF_OF_WORK_REQUIRED' && patient && !(body as { proof?: unknown }).proof) {
          const challenge = await fetch(`${base}/api/proof-of-work?for=registration`)
          const proof = solved((await challenge.json()) as Challenge)
          return api.call<Body>(method, path, { ...(body as object), proof }, headers)
        }
        if (!BUSY.includes(parsed.code) || !patient || performance.now() > until) return answer
        // Nothing was done: retry after the delay that the server asks for.
        await new Promise((done) => setTimeout(done, Number(response.headers.get('retry-after')) * 1000))
      }
    },
    async login(username, password) {
      const { status, body } = await api.call<{ token: string }>('POST', '/api/session', { username, password })
      if (status !== 200) throw new Error(`login: ${status} ${JSON.stringify(body)}`)
      Object.assign(api, { token: body.token, username, password })
    },
    async register(username) {
      const password = 'a long password'
      const { status, body } = await registered(base, { username, password })
      if (status !== 201) throw new Error(`register: ${status} ${JSON.stringify(body)}`)
      Object.assign(api, { token: body.token, username, password })
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

/**
 * Registers from an address of its own, as buyers do: many from one address have to prove their work. On Linux all of 127/8 is
 * this machine's.
 */
async function registered(base: string, body: object): Promise<{ status: number; body: { token: string } }> {
  const own =
    platform() === 'linux' ? { localAddress: `127.${randomInt(1, 255)}.${randomInt(255)}.${randomInt(1, 255)}` } : {}
  const dispatcher = new Agent(own)
  try {
    for (const until = performance.now() + PATIENCE_MS; ; ) {
      const response = await fetchFrom(`${base}/api/users`, {
        method: 'POST',
        dispatcher,
        signal: AbortSignal.timeout(PATIENCE_MS),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      const answer = (await response.json()) as { token: string; code?: string }
      if (!BUSY.includes(answer.code ?? '') || performance.now() > until)
        return { status: response.status, body: answer }
      await new Promise((done) => setTimeout(done, Number(response.headers.get('retry-after')) * 1000))
    }
  } finally {
    await dispatcher.close()
  }
}
