/**
 * The diagnostics of WeChat Pay's keys: names the common mix-ups, each with what to do. Reads keys as texts, queries
 * the gateway once about a payment that does not exist, and checks our own notify address. Of a key it shows nothing
 * but a fingerprint.
 */
import { describeKey, GatewayRefusedError, type KeyDescription, WechatPayError } from '@xuecheng/wechatpay'
import { type Config, SettingError } from '../../../config.ts'
import {
  type CheckResult,
  type DescribedResult,
  describeResults,
  settingProblem,
  type Verdict,
} from '../../../diagnostics.ts'
import type { Language } from '../../../errors.ts'
import { isPublicHost } from '../../../public-address.ts'
import { cutText } from '../../../text/cut-text.ts'
import { formOf } from '../key-settings.ts'
import { reasonOf } from '../reason.ts'
import { WECHAT_DIAGNOSTIC_TEXTS, WECHAT_TITLE, type WechatCheck, type WechatCode } from './diagnostics-texts.ts'
import { isWechatSetUp } from './is-set-up.ts'
import { NOTIFY_PROBE, openClient, readWechatParts, readWechatSettings, type WechatSettings } from './settings.ts'

export type WechatCheckResult = CheckResult<WechatCheck, WechatCode>

const MIN_BITS = 2048
const PROBE_LIMIT_MS = 8000
/** Errors of the network, which say nothing about the keys. */
const AWAY = ['NOT_CONNECTED', 'CONNECTION_LOST', 'TIMED_OUT', 'ABORTED', 'TLS_REFUSED', 'HTTP_STATUS']

const found = (
  check: WechatCheck,
  verdict: Verdict,
  code: WechatCode,
  values: Readonly<Record<string, string>> = {},
): WechatCheckResult => ({ check, verdict, code, values })

/** Checks all the settings that are present: names each fault, and checks everything else once nothing is missing. */
export async function checkSettings(
  config: Config,
  { now, language }: { now: () => Date; language: Language },
): Promise<DescribedResult[]> {
  const said = (findings: readonly WechatCheckResult[]) =>
    findings.map((each) => describeResults(each, WECHAT_DIAGNOSTIC_TEXTS, language))
  const parts = isWechatSetUp(config.environment) ? readWechatParts(config.environment) : undefined
  if (parts && parts.faults.length > 0) {
    const faults = parts.faults.map((fault) => settingProblem(WECHAT_TITLE[language], fault))
    return [...faults, ...said(examineKeyTexts(parts.privateKey, parts.publicKeyText, ''))]
  }
  const settings = readWechatSettings(config)
  return settings ? said(await checkWechat(settings, now)) : []
}

/** Runs all checks; the gateway is queried only with usable keys. */
export async function checkWechat(settings: WechatSettings, now: () => Date): Promise<WechatCheckResult[]> {
  const keys = checkKeys(settings)
  const usable = keys.every(({ verdict }) => verdict !== 'problem')
  const away = usable ? await examineGateway(settings, now) : []
  // If there are no certificates, the result about following them would mislead.
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

/** Checks the key texts without any network call. */
export function checkKeys({ privateKey, publicKey }: WechatSettings): WechatCheckResult[] {
  const keys = examineKeyTexts(privateKey, publicKey?.key, publicKey?.id ?? '')
  return publicKey ? keys : [...keys, found('gateway_key', 'ok', 'CERTIFICATES')]
}

function examineKeyTexts(
  privateKey: string | undefined,
  publicKey: string | undefined,
  id: string,
): WechatCheckResult[] {
  const own = privateKey === undefined ? undefined : describeKey(privateKey)
  const theirs = publicKey === undefined ? undefined : describeKey(publicKey)
  return [...(own ? [examineOwnKey(own, theirs)] : []), ...(theirs ? [examineTheirKey(own, theirs, id)] : [])]
}

function examineOwnKey(own: KeyDescription, theirs: KeyDescription | undefined): WechatCheckResult {
  const check = 'private_key'
  if (isPublic(own)) return found(check, 'problem', theirs && isPrivate(theirs) ? 'KEYS_SWAPPED' : 'PUBLIC_KEY_GIVEN')
  return notFit(check, own, isPrivate(own)) ?? found(check, 'ok', 'PRIVATE_KEY_OK', facts(own))
}

/** A key that cannot be read, or that does not suit WeChat Pay's signatures. */
function notFit(check: WechatCheck, key: KeyDescription, readable: boolean): WechatCheckResult | undefined {
  const { format, algorithm, bits = 0 } = key
  if (format === 'empty') return found(check, 'problem', 'EMPTY')
  if (format === 'encrypted') return found(check, 'problem', 'ENCRYPTED')
  if (!readable) return found(check, 'problem', 'UNREADABLE')
  if (algorithm !== 'rsa') return found(check, 'problem', 'NOT_RSA', { algorithm: algorithm?.toUpperCase() ?? '' })
  return bits < MIN_BITS ? found(check, 'problem', 'NOT_RSA_2048', { bits: String(bits) }) : undefined
}

function examineTheirKey(own: KeyDescription | undefined, theirs: KeyDescription, id: string): WechatCheckResult {
  const check = 'gateway_key'
  if (isPrivate(theirs)) return found(check, 'problem', own && isPublic(own) ? 'KEYS_SWAPPED' : 'PRIVATE_KEY_GIVEN')
  const unfit = notFit(check, theirs, isPublic(theirs))
  if (unfit) return unfit
  if (own?.fingerprint !== undefined && own.fingerprint === theirs.fingerprint) {
    return found(check, 'problem', 'OWN_KEY_GIVEN')
  }
  return found(check, 'ok', 'GATEWAY_KEY_OK', { ...facts(theirs), id })
}

/** "No such payment" is the answer if the keys are right. */
async function examineGateway(settings: WechatSettings, now: () => Date): Promise<WechatCheckResult[]> {
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
    const reason = cutText(error.message.split('\n')[0] ?? '', 300)
    if (error instanceof GatewayRefusedError) return [refused(error, reason, { host, serial })]
    if (AWAY.includes(error.code)) return [found('gateway', 'unknown', 'AWAY', { host, reason: reasonOf(error) })]
    const needsKey = settings.publicKey === undefined && /PUB_KEY_ID_/.test(error.message)
    const wasTaken = found('gateway', 'ok', 'GATEWAY_OK', { host, mchId })
    if (needsKey) return [wasTaken, found('gateway_key', 'problem', 'PUBLIC_KEY_NEEDED')]
    const why = reason.replace(/^The answer is not believed\. /, '')
    return [wasTaken, found('answers', 'problem', 'ANSWERS_REFUSED', { reason: why })]
  }
}

/** What a query about a payment that does not exist cannot check. */
function unseen({ appId, publicKey }: WechatSettings): WechatCheckResult[] {
  const application = found('app_id', 'unchecked', 'APP_ID_UNCHECKED', { appId })
  // Platform certificates are encrypted with the APIv3 key: downloading them has checked it.
  return publicKey ? [application, found('api_v3_key', 'unchecked', 'API_V3_KEY_UNCHECKED')] : [application]
}

/** The text of a refusal is only a hint: WeChat does not sign it. */
function refused(
  error: GatewayRefusedError,
  reason: string,
  about: { host: string; serial: string },
): WechatCheckResult {
  const check = 'gateway'
  if (error.code !== 'SIGN_ERROR') return found(check, 'problem', 'REFUSED', { ...about, reason })
  if (/序列号/.test(reason)) return found(check, 'problem', 'SERIAL_UNKNOWN', about)
  if (/timestamp/.test(reason)) return found(check, 'problem', 'CLOCK')
  return found(check, 'problem', 'SIGNATURE_REFUSED', about)
}

async function examineNotifyAddress({ notifyUrl: url, sandbox }: WechatSettings): Promise<WechatCheckResult> {
  const check = 'notify_address'
  if (!sandbox && !isPublicHost(new URL(url).hostname)) return found(check, 'warning', 'NOTIFY_LOCAL', { url })
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
