/** Sends one signed request the way the gateway expects it: as a form, half of it in the address. */
import { send, UnknownOutcomeError } from '@xuecheng/client-kit'
import { encodeForm } from './form.ts'

export interface Post {
  readonly gateway: string
  readonly fetch: typeof fetch
}

/** The parameters that go into the body; the others go into the address, where Alipay reads `charset`. */
const IN_BODY = ['biz_content', 'encrypt_type']

/** @throws NotSentError, UnknownOutcomeError */
export async function post(
  { gateway, fetch }: Post,
  parameters: ReadonlyMap<string, string>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<{ readonly body: Buffer; readonly contentType: string | null }> {
  const all = [...parameters]
  const address = encodeForm(new Map(all.filter(([name]) => !IN_BODY.includes(name))))
  const request = {
    url: `${gateway}?${address}`,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' },
    body: encodeForm(new Map(all.filter(([name]) => IN_BODY.includes(name)))),
  }
  const { status, headers, body } = await send(request, { fetch, signal, timeoutMs })
  if (status !== 200) throw new UnknownOutcomeError('HTTP_STATUS', `The gateway answered HTTP ${status}.`)
  return { body, contentType: headers.get('content-type') }
}
