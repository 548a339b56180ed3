/** The responses of `/v3/…`: the exact signed bytes, or silence. */
import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Target } from '../../core/faults/fault.ts'
import type { Sandbox } from '../../sandbox.ts'
import { isWechatError, requestNumber, type WechatError } from '../errors.ts'
import type { WechatMerchant } from '../merchants.ts'
import type { Json } from '../notifications/messages.ts'
import { probeSignature, signedHeaders, sortedJson } from '../signing.ts'

/** The answer: JSON, or an empty 204. */
export type Outcome = Json | WechatError | undefined

/** The caller, and what the call is about; without it nothing is signed. */
export interface Caller {
  readonly merchant: WechatMerchant
  readonly request: FastifyRequest
  readonly target: Target
}

/** Sends an outcome like WeChat: signed over its bytes if the caller is known. */
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
    const requested = caller.request.headers['wechatpay-serial']
    const { certificates } = sandbox.wechat
    const { serial, key } = certificates.signer(caller.merchant, typeof requested === 'string' ? requested : undefined)
    const headers = await signedHeaders(key, serial, Date.now(), body)
    const probe = !error && isProbed(sandbox, caller)
    reply.headers(probe ? { ...headers, 'Wechatpay-Signature': probeSignature() } : headers)
  }
  if (said === undefined) return reply.send()
  return reply.type('application/json; charset=utf-8').send(body)
}

/** How many probed calls are remembered until they are repeated. */
const MAX_PROBED = 1000

/**
 * Whether this answer is a sign-test probe. The repeated call gets a correct answer (WeChat Pay, "Sign-test traffic").
 */
function isProbed(sandbox: Sandbox, { merchant, request, target }: Caller): boolean {
  const calls = sandbox.wechat.probed
  const call = `${merchant.mchId} ${request.method} ${request.raw.url} ${target.outTradeNo}`
  if (calls.delete(call)) return false
  const { appId, method } = target
  const struck =
    sandbox.faults.strike(['sign-test'], target) ?? sandbox.faults.strike(['corrupt-sign'], { appId, method })
  if (struck?.kind === 'sign-test' && calls.size < MAX_PROBED) calls.add(call)
  return struck !== undefined
}

/** Sends nothing, and finally closes the connection. */
export function keepSilent(reply: FastifyReply, seconds: number): FastifyReply {
  reply.hijack()
  const { raw } = reply
  const end = setTimeout(() => raw.destroy(), seconds * 1000)
  raw.once('close', () => clearTimeout(end))
  return reply
}
