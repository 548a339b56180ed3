/**
 * The doctor of WeChat Pay's keys: names the mix-ups, each with what to do. Reads keys as texts, asks the gateway once for a
 * payment that nobody made, and looks at our own notify address. Says nothing of a key but a fingerprint.
 */
import { describeKey, GatewayRefusedError, type KeyDescription, WechatPayError } from '@xuecheng/wechatpay'
import { SettingError } from '../../../config.ts'
import type { Finding, Verdict } from '../../../finding.ts'
import { formOf } from '../key-settings.ts'
import { reasonOf } from '../reason.ts'
import type { WechatCheck, WechatCode } from './doctor-words.ts'
import { NOTIFY_PROBE } from './notify-probe.ts'
import { openClient, type WechatSettings } from './settings.ts'

export type WechatFinding = Finding<WechatCheck, WechatCode>

const LEAST_BITS = 2048
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
  const away = usable ? await examineGateway(settings, now) : []
  // That certificates are followed is no comfort where there are none.
  const none = away.some(({ code }) => code === 'PUBLIC_KEY_NEEDED')
  const said = none ? keys.filter(({ code }) => code !== 'CERTIFICATES') : keys
  return [...said, ...away, await examineNotifyAddress(settings)]
}

const isPrivate = (key: KeyDescription): boolean => key.format.startsWith('private')
const isPublic = (key: KeyDescription): boolean => key.format.startsWith('public') || key.format === 'certificate'
const facts = (key: KeyDescription) => ({
  form: formOf(key),
  bits: String(key.bits ?? 0),
  print: key.fingerprint?.slice(0, 16) ?? '',
})

/** What the texts are, without any network. */
export function examineKeys({ privateKey, publicKey }: WechatSettings): WechatFinding[] {
  const own = describeKey(privateKey)
  const theirs = publicKey && describeKey(publicKey.key)
  return [examineOwnKey(own, theirs), examineTheirKey(own, theirs, publicKey?.id ?? '')]
}

function examineOwnKey(own: KeyDescription, theirs: KeyDescription | undefined): WechatFinding {
  const check = 'private_key'
  if (isPublic(own)) return found(check, 'problem', theirs && isPrivate(theirs) ? 'KEYS_SWAPPED' : 'PUBLIC_KEY_GIVEN')
  return notFit(check, own, isPrivate(own)) ?? found(check, 'ok', 'PRIVATE_KEY_OK', facts(own))
}

/** What cannot be read, or is no key that WeChat Pay signs or is signed to with. */
function notFit(check: WechatCheck, key: KeyDescription, readable: boolean): WechatFinding | undefined {
  const { format, algorithm, bits = 0 } = key
  if (format === 'empty') return found(check, 'problem', 'EMPTY')
  if (format === 'encrypted') return found(check, 'problem', 'ENCRYPTED')
  if (!readable) return found(check, 'problem', 'UNREADABLE')
  if (algorithm !== 'rsa') return found(check, 'problem', 'NOT_RSA', { algorithm: algorithm?.toUpperCase() ?? '' })
  return bits < LEAST_BITS ? found(check, 'problem', 'NOT_RSA_2048', { bits: String(bits) }) : undefined
}

function examineTheirKey(own: KeyDescription, theirs: KeyDescription | undefined, id: string): WechatFinding {
  const check = 'gateway_key'
  if (!theirs) return found(check, 'ok', 'CERTIFICATES')
  if (isPrivate(theirs)) return found(check, 'problem', isPublic(own) ? 'KEYS_SWAPPED' : 'PRIVATE_KEY_GIVEN')
  const unfit = notFit(check, theirs, isPublic(theirs))
  if (unfit) return unfit
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
    const seen = [found('gateway', 'ok', 'GATEWAY_OK', { host, mchId }), found('answers', 'ok', 'ANSWERS_OK')]
    return [...seen, ...unseen(settings)]
  } catch (error) {
    if (error instanceof SettingError) return [found('gateway', 'problem', 'SETTING', { reason: error.message })]
    if (!(error instanceof WechatPayError)) throw error
    const reason = (error.message.split('\n')[0] ?? '').slice(0, 300)
    if (error instanceof GatewayRefusedError) return [refused(error, reason, { host, serial })]
    if (AWAY.includes(error.code)) return [found('gateway', 'unknown', 'AWAY', { host, reason: reasonOf(error) })]
    const needsKey = settings.publicKey === undefined && /PUB_KEY_ID_/.test(error.message)
    const wasTaken = found('gateway', 'ok', 'GATEWAY_OK', { host, mchId })
    if (needsKey) return [wasTaken, found('gateway_key', 'problem', 'PUBLIC_KEY_NEEDED')]
    const why = reason.replace(/^The answer is not believed\. /, '')
    return [wasTaken, found('answers', 'problem', 'ANSWERS_REFUSED', { reason: why })]
  }
}

/** What a question about a payment that nobody made does not touch. */
function unseen({ appId, publicKey }: WechatSettings): WechatFinding[] {
  const application = found('app_id', 'unchecked', 'APP_ID_UNCHECKED', { appId })
  // Platform certificates come sealed with the APIv3 key: then it was looked at.
  return publicKey ? [application, found('api_v3_key', 'unchecked', 'API_V3_KEY_UNCHECKED')] : [application]
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
    const answer = await fetch(url, { method: 'POST', headers, body: NOTIFY_PROBE, redirect: 'manual', signal })
    const text = (await answer.text()).slice(0, 1000)
    if (answer.status === 400 && text.includes('"FAIL"')) return found(check, 'ok', 'NOTIFY_OK', { url })
    return found(check, 'problem', 'NOTIFY_OTHER', { url, status: String(answer.status) })
  } catch (error) {
    return found(check, 'problem', 'NOTIFY_UNREACHABLE', { url, reason: reasonOf(error) })
  }
}
