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
  results,
  settingProblem,
} from '../../../diagnostics.ts'
import type { Language } from '../../../errors.ts'
import { isPublicHost } from '../../../public-address.ts'
import { cutText } from '../../../text/cut-text.ts'
import { isSetUp } from '../definition.ts'
import { faultValues, isPrivate, isPublic, keyFacts, keyFault, PROBE_LIMIT_MS, probe } from '../key-checks.ts'
import { reasonOf } from '../reason.ts'
import { WECHAT_DIAGNOSTIC_TEXTS, type WechatCheck, type WechatCode } from './diagnostics-texts.ts'
import { WECHAT_FORM } from './form.ts'
import { NOTIFY_PROBE, openClient, readWechatParts, readWechatSettings, type WechatSettings } from './settings.ts'

export type WechatCheckResult = CheckResult<WechatCheck, WechatCode>

/** Errors of the network, which say nothing about the keys. */
const AWAY = ['NOT_CONNECTED', 'CONNECTION_LOST', 'TIMED_OUT', 'ABORTED', 'TLS_REFUSED', 'HTTP_STATUS']

const { ok, warning, problem, unknown, unchecked } = results<WechatCheck, WechatCode>()

/** Checks all the settings that are present: names each fault, and checks everything else once nothing is missing. */
export async function checkSettings(
  config: Config,
  { now, language }: { now: () => Date; language: Language },
): Promise<DescribedResult[]> {
  const said = (findings: readonly WechatCheckResult[]) =>
    findings.map((each) => describeResults(each, WECHAT_DIAGNOSTIC_TEXTS, language))
  const parts = isSetUp(WECHAT_FORM, config.environment) ? readWechatParts(config.environment) : undefined
  if (parts && parts.faults.length > 0) {
    const faults = parts.faults.map((fault) => settingProblem(WECHAT_FORM.display.title[language], fault))
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

/** Checks the key texts without any network call. */
export function checkKeys({ privateKey, publicKey }: WechatSettings): WechatCheckResult[] {
  const keys = examineKeyTexts(privateKey, publicKey?.key, publicKey?.id ?? '')
  return publicKey ? keys : [...keys, ok('gateway_key', 'CERTIFICATES')]
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
  if (isPublic(own)) return problem(check, theirs && isPrivate(theirs) ? 'KEYS_SWAPPED' : 'PUBLIC_KEY_GIVEN')
  return notFit(check, own, isPrivate(own)) ?? ok(check, 'PRIVATE_KEY_OK', keyFacts(own))
}

function notFit(check: WechatCheck, key: KeyDescription, readable: boolean): WechatCheckResult | undefined {
  const code = keyFault(key, readable)
  return code && problem(check, code, faultValues(key))
}

function examineTheirKey(own: KeyDescription | undefined, theirs: KeyDescription, id: string): WechatCheckResult {
  const check = 'gateway_key'
  if (isPrivate(theirs)) return problem(check, own && isPublic(own) ? 'KEYS_SWAPPED' : 'PRIVATE_KEY_GIVEN')
  const unfit = notFit(check, theirs, isPublic(theirs))
  if (unfit) return unfit
  if (own?.fingerprint !== undefined && own.fingerprint === theirs.fingerprint) {
    return problem(check, 'OWN_KEY_GIVEN')
  }
  return ok(check, 'GATEWAY_KEY_OK', { ...keyFacts(theirs), id })
}

/** "No such payment" is the answer if the keys are right. */
async function examineGateway(settings: WechatSettings, now: () => Date): Promise<WechatCheckResult[]> {
  const { mchId, serialNo: serial } = settings
  const host = new URL(settings.baseUrl).host
  try {
    const client = openClient(settings, { clock: now, timeoutMs: PROBE_LIMIT_MS, retries: 0 })
    await client.query({ outTradeNo: `xuecheng_check_${now().getTime()}` })
    const seen = [ok('gateway', 'GATEWAY_OK', { host, mchId }), ok('answers', 'ANSWERS_OK')]
    return [...seen, ...unseen(settings)]
  } catch (error) {
    if (error instanceof SettingError) return [problem('gateway', 'SETTING', { reason: error.message })]
    if (!(error instanceof WechatPayError)) throw error
    const reason = cutText(error.message.split('\n')[0] ?? '', 300)
    if (error instanceof GatewayRefusedError) return [refused(error, reason, { host, serial })]
    if (AWAY.includes(error.code)) return [unknown('gateway', 'AWAY', { host, reason: reasonOf(error) })]
    const needsKey = settings.publicKey === undefined && /PUB_KEY_ID_/.test(error.message)
    const wasTaken = ok('gateway', 'GATEWAY_OK', { host, mchId })
    if (needsKey) return [wasTaken, problem('gateway_key', 'PUBLIC_KEY_NEEDED')]
    const why = reason.replace(/^The answer is not believed\. /, '')
    return [wasTaken, problem('answers', 'ANSWERS_REFUSED', { reason: why })]
  }
}

/** What a query about a payment that does not exist cannot check. */
function unseen({ appId, publicKey }: WechatSettings): WechatCheckResult[] {
  const application = unchecked('app_id', 'APP_ID_UNCHECKED', { appId })
  // Platform certificates are encrypted with the APIv3 key: downloading them has checked it.
  return publicKey ? [application, unchecked('api_v3_key', 'API_V3_KEY_UNCHECKED')] : [application]
}

/** The text of a refusal is only a hint: WeChat does not sign it. */
function refused(
  error: GatewayRefusedError,
  reason: string,
  about: { host: string; serial: string },
): WechatCheckResult {
  const check = 'gateway'
  if (error.code !== 'SIGN_ERROR') return problem(check, 'REFUSED', { ...about, reason })
  if (/序列号/.test(reason)) return problem(check, 'SERIAL_UNKNOWN', about)
  if (/timestamp/.test(reason)) return problem(check, 'CLOCK')
  return problem(check, 'SIGNATURE_REFUSED', about)
}

async function examineNotifyAddress({ notifyUrl: url, sandbox }: WechatSettings): Promise<WechatCheckResult> {
  const check = 'notify_address'
  if (!sandbox && !isPublicHost(new URL(url).hostname)) return warning(check, 'NOTIFY_LOCAL', { url })
  if (!sandbox && !url.startsWith('https:')) return problem(check, 'NOTIFY_INSECURE', { url })
  const headers = { 'content-type': 'application/json' }
  const answer = await probe(url, { method: 'POST', headers, body: NOTIFY_PROBE })
  if (typeof answer === 'string') return problem(check, 'NOTIFY_UNREACHABLE', { url, reason: answer })
  const text = (await answer.text().catch(() => '')).slice(0, 1000)
  if (answer.status === 400 && text.includes('"FAIL"')) return ok(check, 'NOTIFY_OK', { url })
  return problem(check, 'NOTIFY_OTHER', { url, status: String(answer.status) })
}
