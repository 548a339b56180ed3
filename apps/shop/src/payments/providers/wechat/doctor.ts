/**
 * The doctor of WeChat Pay's keys: names the mix-ups, each with what to do. Reads keys as texts, asks the gateway once for a
 * payment that nobody made, and looks at our own notify address. Says nothing of a key but a fingerprint.
 */
import { describeKey, GatewayRefusedError, type KeyDescription, WechatPayError } from '@xuecheng/wechatpay'
import { SettingError } from '../../../config.ts'
import type { Finding, Verdict } from '../../../finding.ts'
import type { WechatCheck, WechatCode } from './doctor-words.ts'
import { openClient, type WechatSettings } from './settings.ts'

export type WechatFinding = Finding<WechatCheck, WechatCode>

const PROBE_LIMIT_MS = 8000
/** What the network did, whatever the keys are. */
const AWAY = ['NOT_CONNECTED', 'CONNECTION_LOST', 'TIMED_OUT', 'ABORTED', 'TLS_REFUSED', 'HTTP_STATUS']

const found = (
  check: WechatCheck,
  verdict: Verdict,
  code: WechatCode,
  values: Readonly<Record<string, string>> = {},
): WechatFinding => ({ check, verdict, code, values })

/** Everything at once; the gateway is asked only with keys that can be used. */
export async function examine(settings: WechatSettings, now: () => Date): Promise<WechatFinding[]> {
  const keys = examineKeys(settings)
  const usable = keys.every(({ verdict }) => verdict !== 'problem')
  return [...keys, ...(usable ? await examineGateway(settings, now) : []), await examineNotifyAddress(settings)]
}

const isPrivate = (key: KeyDescription): boolean => key.format.startsWith('private')
const isPublic = (key: KeyDescription): boolean => key.format.startsWith('public') || key.format === 'certificate'
const facts = (key: KeyDescription) => ({ bits: String(key.bits ?? 0), print: key.fingerprint?.slice(0, 16) ?? '' })

/** What the texts are, without any network. */
export function examineKeys({ privateKey, publicKey }: WechatSettings): WechatFinding[] {
  const own = describeKey(privateKey)
  const theirs = publicKey && describeKey(publicKey.key)
  return [examineOwnKey(own, theirs), examineTheirKey(own, theirs, publicKey?.id ?? '')]
}

function examineOwnKey(own: KeyDescription, theirs: KeyDescription | undefined): WechatFinding {
  const check = 'private_key'
  if (isPublic(own)) return found(check, 'problem', theirs && isPrivate(theirs) ? 'KEYS_SWAPPED' : 'PUBLIC_KEY_GIVEN')
  if (!isPrivate(own)) return found(check, 'problem', 'UNREADABLE')
  if (own.algorithm !== 'rsa' || (own.bits ?? 0) < 2048) return found(check, 'problem', 'NOT_RSA_2048')
  return found(check, 'ok', 'PRIVATE_KEY_OK', facts(own))
}

function examineTheirKey(own: KeyDescription, theirs: KeyDescription | undefined, id: string): WechatFinding {
  const check = 'gateway_key'
  if (!theirs) return found(check, 'ok', 'CERTIFICATES')
  if (isPrivate(theirs)) return found(check, 'problem', isPublic(own) ? 'KEYS_SWAPPED' : 'PRIVATE_KEY_GIVEN')
  if (!isPublic(theirs)) return found(check, 'problem', 'UNREADABLE')
  if (own.fingerprint !== undefined && own.fingerprint === theirs.fingerprint) {
    return found(check, 'problem', 'OWN_KEY_GIVEN')
  }
  return found(check, 'ok', 'GATEWAY_KEY_OK', { ...facts(theirs), id })
}

/** That there is no such payment is the answer to keys that are good. */
async function examineGateway(settings: WechatSettings, now: () => Date): Promise<WechatFinding[]> {
  const { mchId, serialNo: serial } = settings
  const host = new URL(settings.baseUrl).host
  try {
    const client = openClient(settings, { clock: now, timeoutMs: PROBE_LIMIT_MS, retries: 0 })
    await client.query({ outTradeNo: `xuecheng_check_${now().getTime()}` })
    return [found('gateway', 'ok', 'GATEWAY_OK', { host, mchId }), found('answers', 'ok', 'ANSWERS_OK')]
  } catch (error) {
    if (error instanceof SettingError) return [found('gateway', 'problem', 'SETTING', { reason: error.message })]
    if (!(error instanceof WechatPayError)) throw error
    const reason = (error.message.split('\n')[0] ?? '').slice(0, 300)
    if (error instanceof GatewayRefusedError) return [refused(error, reason, { host, serial })]
    if (AWAY.includes(error.code)) return [found('gateway', 'unknown', 'AWAY', { host, reason })]
    const wasTaken = found('gateway', 'ok', 'GATEWAY_OK', { host, mchId })
    return [wasTaken, found('answers', 'problem', 'ANSWERS_REFUSED', { reason })]
  }
}

/** The words of a refusal are only a hint: WeChat does not sign them. */
function refused(error: GatewayRefusedError, reason: string, about: { host: string; serial: string }): WechatFinding {
  const check = 'gateway'
  if (error.code !== 'SIGN_ERROR') return found(check, 'problem', 'REFUSED', { ...about, reason })
  if (/序列号/.test(reason)) return found(check, 'problem', 'SERIAL_UNKNOWN', about)
  if (/timestamp/.test(reason)) return found(check, 'problem', 'CLOCK')
  return found(check, 'problem', 'SIGNATURE_REFUSED', about)
}

async function examineNotifyAddress({ notifyUrl: url, sandbox }: WechatSettings): Promise<WechatFinding> {
  const check = 'notify_address'
  const local = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
  if (!sandbox && local) return found(check, 'warning', 'NOTIFY_LOCAL', { url })
  if (!sandbox && !url.startsWith('https:')) return found(check, 'problem', 'NOTIFY_INSECURE', { url })
  const headers = { 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(PROBE_LIMIT_MS)
  try {
    const answer = await fetch(url, { method: 'POST', headers, body: '{}', redirect: 'manual', signal })
    const text = (await answer.text()).slice(0, 1000)
    if (answer.status === 400 && text.includes('"FAIL"')) return found(check, 'ok', 'NOTIFY_OK', { url })
    return found(check, 'problem', 'NOTIFY_OTHER', { url, status: String(answer.status) })
  } catch (error) {
    const status = error instanceof Error ? error.name : 'no answer'
    return found(check, 'problem', 'NOTIFY_OTHER', { url, status })
  }
}
