/** What goes back over the wire from `/v3/…`: the exact bytes that are signed, or silence. */
import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Target } from '../faults/fault.ts'
import type { Sandbox } from '../sandbox.ts'
import { isWechatError, requestNumber, type WechatError } from './errors.ts'
import type { WechatMerchant } from './merchants.ts'
import type { Json } from './messages.ts'
import { probeSignature, signedHeaders, sortedJson } from './signing.ts'

/** What is said back: JSON, or nothing at all (204). */
export type Outcome = Json | WechatError | undefined

/** Who is answered, and what the call is about; without it nothing is signed. */
export interface Caller {
  readonly merchant: WechatMerchant
  readonly request: FastifyRequest
  readonly target: Target
}

/** Sends an outcome as WeChat does: signed over its bytes wherever the caller is known. */
export async function send(
  sandbox: Sandbox,
  reply: FastifyReply,
  caller: Caller | undefined,
  outcome: Outcome,
): Promise<FastifyReply> {
  const error = outcome && isWechatError(outcome) ? outcome : undefined
  const { code, message, detail } = error ?? {}
  const said = error ? { code, ...(detail && { detail }), message } : outcome
  const body = Buffer.from(said === undefined ? '' : sortedJson(said))
  reply.code(error?.status ?? (said === undefined ? 204 : 200)).headers({
    'cache-control': 'no-cache, must-revalidate',
    'content-language': 'zh-CN',
    ...(error?.numbered !== false && {
      'request-id': `${randomBytes(16).toString('hex').toUpperCase()}-${requestNumber(error)}`,
    }),
    'x-content-type-options': 'nosniff',
  })
  if (caller && (error?.signed ?? true)) {
    const asked = caller.request.headers['wechatpay-serial']
    const { certificates } = sandbox.wechat
    const { serial, key } = certificates.signer(caller.merchant, typeof asked === 'string' ? asked : undefined)
    const headers = await signedHeaders(key, serial, Date.now(), body)
    const probe = !error && isProbed(sandbox, caller)
    reply.headers(probe ? { ...headers, 'Wechatpay-Signature': probeSignature() } : headers)
  }
  if (said === undefined) return reply.send()
  return reply.type('application/json; charset=utf-8').send(body)
}

/** How many probed calls are remembered until they come again. */
const MOST_PROBED = 1000

/** Whether this answer is a probe. A call that is repeated after one is answered rightly (WeChat Pay, "Sign-test traffic"). */
function isProbed(sandbox: Sandbox, { merchant, request, target }: Caller): boolean {
  const calls = sandbox.wechat.probed
  const call = `${merchant.mchId} ${request.method} ${request.raw.url} ${target.outTradeNo}`
  if (calls.delete(call)) return false
  const { appId, method } = target
  const struck =
    sandbox.faults.strike(['sign-test'], target) ?? sandbox.faults.strike(['corrupt-sign'], { appId, method })
  if (struck?.kind === 'sign-test' && calls.size < MOST_PROBED) calls.add(call)
  return struck !== undefined
}

/** Says nothing, and hangs up in the end. */
export function keepSilent(reply: FastifyReply, seconds: number): FastifyReply {
  reply.hijack()
  const { raw } = reply
  const end = setTimeout(() => raw.destroy(), seconds * 1000)
  raw.once('close', () => clearTimeout(end))
  return reply
}
