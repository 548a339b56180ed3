/** Calls to the gateway signed by hand, for everything an SDK would never send. */
import { createPrivateKey, sign } from 'node:crypto'
import type { TestMerchant } from './rig.ts'

export interface HandCall {
  readonly method: string
  readonly content?: unknown
  /** Replaces or removes (undefined) common parameters after the defaults, before signing. */
  readonly change?: Readonly<Record<string, string | undefined>>
  /** The same after signing. */
  readonly afterwards?: Readonly<Record<string, string | undefined>>
  readonly digest?: 'sha256' | 'sha1'
}

/** The parameters of a call, signed with the merchant's key as section "Request signing" says. */
export function signed(
  merchant: TestMerchant,
  { method, content, change, afterwards, digest = 'sha256' }: HandCall,
): URLSearchParams {
  const parameters = new Map<string, string>()
  const put = (values: Readonly<Record<string, string | undefined>>) => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) parameters.delete(name)
      else parameters.set(name, value)
    }
  }
  put({
    app_id: merchant.appId,
    method,
    charset: 'utf-8',
    sign_type: 'RSA2',
    timestamp: '2026-11-23 10:00:00',
    version: '1.0',
    biz_content: content === undefined ? undefined : typeof content === 'string' ? content : JSON.stringify(content),
  })
  put(change ?? {})
  const text = [...parameters]
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  const key = createPrivateKey({ key: Buffer.from(merchant.appPrivateKey, 'base64'), type: 'pkcs8', format: 'der' })
  parameters.set('sign', sign(digest, Buffer.from(text), key).toString('base64'))
  put(afterwards ?? {})
  return new URLSearchParams([...parameters])
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
  /** The node, whatever its name. */
  readonly node: Readonly<Record<string, string>>
  readonly signed: boolean
}

/** Sends a query by GET and takes the answer apart. */
export async function ask(url: string, query: URLSearchParams): Promise<Answer> {
  return takeApart(await fetch(`${url}/gateway.do?${query}`))
}

export async function takeApart(response: Response): Promise<Answer> {
  const text = await response.text()
  const body = JSON.parse(text) as Record<string, unknown>
  const [name = ''] = Object.keys(body)
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text,
    node: body[name] as Readonly<Record<string, string>>,
    signed: 'sign' in body,
  }
}
