/**
 * The key diagnostics: names common mix-ups, one result each, with what to do. Reads keys as texts, queries the gateway
 * once, and checks its clock and our own notify address. Of a key it shows nothing but a fingerprint.
 */
import {
  AlipayError,
  describeKey,
  GatewayRefusedError,
  type KeyDescription,
  PRODUCTION_GATEWAY,
} from '@xuecheng/alipay'
import { type Config, SettingError } from '../../../config.ts'
import {
  type DescribedResult,
  describeResults,
  type CheckResult as Found,
  results,
  settingProblem,
} from '../../../diagnostics.ts'
import type { Language } from '../../../errors.ts'
import { isPublicHost } from '../../../public-address.ts'
import { cutText } from '../../../text/cut-text.ts'
import { isSetUp } from '../definition.ts'
import { faultValues, isPrivate, isPublic, keyFacts, keyFault, PROBE_LIMIT_MS, probe } from '../key-checks.ts'
import { reasonOf } from '../reason.ts'
import { ALIPAY_DIAGNOSTIC_TEXTS, type AlipayCheck, type AlipayCode } from './diagnostics-texts.ts'
import { ALIPAY_FORM } from './form.ts'
import {
  type AlipayKeys,
  type AlipaySettings,
  NOTIFY_PROBE,
  openClient,
  readAlipayParts,
  readAlipaySettings,
} from './settings.ts'

export type AlipayCheckResult = Found<AlipayCheck, AlipayCode>

const CLOCK_LIMIT_MS = 5 * 60_000

/** The results in the reader's language. */
export const describe = (findings: readonly AlipayCheckResult[], language: Language): DescribedResult[] =>
  findings.map((finding) => describeResults(finding, ALIPAY_DIAGNOSTIC_TEXTS, language))

const { ok, warning, problem, unknown, unchecked } = results<AlipayCheck, AlipayCode>()

/**
 * Checks all the settings of the method that are present, in the reader's language: names each missing or malformed
 * setting, checks the keys that are present, and checks everything else once nothing is missing. Empty if the method is
 * not set up.
 */
export async function checkSettings(
  config: Config,
  appPublicKey: string | undefined,
  { now, language }: { now: () => Date; language: Language },
): Promise<DescribedResult[]> {
  const parts = isSetUp(ALIPAY_FORM, config.environment) ? readAlipayParts(config.environment) : undefined
  if (parts && parts.faults.length > 0) {
    const faults = parts.faults.map((fault) => settingProblem(ALIPAY_FORM.display.title[language], fault))
    return [...faults, ...describe(examineKeyTexts(parts.privateKey, parts.gatewayKey, appPublicKey), language)]
  }
  const settings = readAlipaySettings(config)
  return settings ? describe(await checkAlipay(settings, appPublicKey, now), language) : []
}

/** Runs all checks. `appPublicKey` is the application's own public key, if there is a file with it. */
export async function checkAlipay(
  settings: AlipaySettings,
  appPublicKey: string | undefined,
  now: () => Date,
): Promise<AlipayCheckResult[]> {
  const keys = checkKeys(settings.keys, appPublicKey)
  const usable = keys.every(({ verdict }) => verdict !== 'problem')
  const [away, clock, address] = await Promise.all([
    usable ? examineGateway(settings, now) : [],
    checkClock(settings, now),
    checkNotifyAddress(settings),
  ])
  return [...keys, ...away, clock, address]
}

/** Checks the key texts without any network call. */
export function checkKeys(keys: AlipayKeys, appPublicKey?: string): AlipayCheckResult[] {
  const gatewayKey = 'certificates' in keys ? keys.certificates.alipayCert : keys.alipayPublicKey
  return examineKeyTexts(keys.privateKey, gatewayKey, appPublicKey)
}

const described = (text: string | undefined) => (text === undefined ? undefined : describeKey(text))

function examineKeyTexts(
  privateKey: string | undefined,
  gatewayKey: string | undefined,
  appPublicKey: string | undefined,
): AlipayCheckResult[] {
  const [own, theirs, app] = [described(privateKey), described(gatewayKey), described(appPublicKey)]
  const findings: AlipayCheckResult[] = []
  if (own) findings.push(examinePrivateKey(own, theirs))
  if (theirs) findings.push(examineGatewayKey(own, theirs))
  if (app) findings.push(examineAppKey(own, app))
  const named: [AlipayCheck, KeyDescription | undefined][] = [
    ['private_key', own],
    ['gateway_key', theirs],
    ['app_key', app],
  ]
  for (const [check, key] of named) {
    // The texts for defects say that the key can be read all the same, which would be wrong for an unreadable one.
    if (!key || !(isPrivate(key) || isPublic(key))) continue
    for (const { code, message: detail } of key.defects) {
      findings.push(code === 'BARE_BASE64' ? ok(check, code) : warning(check, code, { detail }))
    }
  }
  return findings
}

function examinePrivateKey(own: KeyDescription, theirs: KeyDescription | undefined): AlipayCheckResult {
  const check = 'private_key'
  if (isPublic(own) && theirs && isPrivate(theirs)) return problem(check, 'KEYS_SWAPPED')
  if (isPublic(own)) return problem(check, 'PUBLIC_FOR_PRIVATE', { format: own.format })
  return unfit(check, own, isPrivate(own)) ?? ok(check, 'PRIVATE_KEY_OK', keyFacts(own))
}

function examineGatewayKey(own: KeyDescription | undefined, theirs: KeyDescription): AlipayCheckResult {
  const check = 'gateway_key'
  if (isPrivate(theirs)) return problem(check, 'PRIVATE_FOR_GATEWAY')
  if (isPublic(theirs) && own?.fingerprint !== undefined && own.fingerprint === theirs.fingerprint) {
    return problem(check, 'OWN_FOR_GATEWAY')
  }
  const code = theirs.format === 'certificate' ? 'GATEWAY_CERT_OK' : 'GATEWAY_KEY_OK'
  return unfit(check, theirs, isPublic(theirs)) ?? ok(check, code, keyFacts(theirs))
}

function examineAppKey(own: KeyDescription | undefined, app: KeyDescription): AlipayCheckResult {
  const check = 'app_key'
  if (isPrivate(app)) return problem(check, 'PRIVATE_FOR_APP')
  const code = keyFault(app, isPublic(app))
  if (!isPublic(app) && code) return problem(check, code)
  if (!own) return unchecked(check, 'PAIR_UNCHECKED')
  if (app.fingerprint === own.fingerprint) return ok(check, 'PAIR_OK', keyFacts(app))
  return problem(check, 'NOT_THE_PAIR', { ...keyFacts(app), own: keyFacts(own).print })
}

function unfit(check: AlipayCheck, key: KeyDescription, readable: boolean): AlipayCheckResult | undefined {
  const code = keyFault(key, readable)
  return code && problem(check, code, faultValues(key))
}

/** Queries a trade that does not exist: the answer "no such trade" shows that the signature is accepted. */
async function examineGateway(settings: AlipaySettings, now: () => Date): Promise<AlipayCheckResult[]> {
  const { host } = new URL(settings.gateway)
  const { appId } = settings
  try {
    const client = openClient(settings, { clock: now, timeoutMs: PROBE_LIMIT_MS, retries: 0 })
    await client.query({ outTradeNo: `xuecheng_keys_check_${now().getTime()}` })
    const seen = [ok('gateway', 'GATEWAY_OK', { host, appId }), ok('answers', 'ANSWERS_OK')]
    return [...seen, unchecked('seller_id', 'SELLER_UNCHECKED', { sellerId: settings.sellerId })]
  } catch (error) {
    if (error instanceof SettingError) return [problem('gateway_key', 'CERTIFICATES_UNFIT', { detail: error.message })]
    if (!(error instanceof AlipayError)) throw error
    return [gatewayProblem(error, settings, host)]
  }
}

function gatewayProblem(error: AlipayError, { appId, gateway }: AlipaySettings, host: string): AlipayCheckResult {
  const real = gateway === PRODUCTION_GATEWAY
  if (error instanceof GatewayRefusedError) {
    const { subCode, subMessage } = error
    if (subCode === 'isv.invalid-app-id') {
      const code = real && appId.startsWith('9021') ? 'SANDBOX_APPLICATION' : 'UNKNOWN_APPLICATION'
      return problem('gateway', code, { host, appId })
    }
    if (subCode === 'isv.invalid-signature') return problem('gateway', 'SIGNATURE_REFUSED', { host, appId })
    return problem('gateway', 'REQUEST_REFUSED', { host, subCode, subMessage })
  }
  if (error.code === 'ANSWER_NOT_VERIFIED') {
    return problem('answers', 'ANSWER_NOT_VERIFIED', { host, other: real ? 'sandbox' : 'real gateway' })
  }
  const reason = reasonOf(error)
  const { pathname: path } = new URL(gateway)
  // An answer from another path is not the gateway's.
  const answered = error.code === 'HTTP_STATUS' || error.code.startsWith('ANSWER_')
  if (answered && !path.endsWith('/gateway.do')) return problem('gateway', 'WRONG_PATH', { host, path, reason })
  return unknown('gateway', 'NO_ANSWER', { host, reason })
}

/** Alipay checks our timestamp; this reports a clock that is far off, whatever its time zone. */
export async function checkClock(
  { gateway }: Pick<AlipaySettings, 'gateway'>,
  now: () => Date,
): Promise<AlipayCheckResult> {
  const response = await probe(gateway, { method: 'HEAD' })
  const theirs = Date.parse(typeof response === 'string' ? '' : (response.headers.get('date') ?? ''))
  if (Number.isNaN(theirs)) return unknown('clock', 'CLOCK_UNREAD')
  const off = now().getTime() - theirs
  if (Math.abs(off) <= CLOCK_LIMIT_MS) {
    return ok('clock', 'CLOCK_OK', { seconds: String(Math.ceil(Math.abs(off) / 1000)) })
  }
  const minutes = String(Math.round(Math.abs(off) / 60_000))
  return problem('clock', off > 0 ? 'CLOCK_AHEAD' : 'CLOCK_BEHIND', { minutes })
}

/**
 * Sends what no gateway would: an empty notification. The shop itself must answer `fail`, with nothing in between
 * changing it.
 */
export async function checkNotifyAddress({
  notifyUrl: url,
  sandbox,
}: Pick<AlipaySettings, 'notifyUrl' | 'sandbox'>): Promise<AlipayCheckResult> {
  const check = 'notify_address'
  const response = await probe(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: NOTIFY_PROBE,
  })
  if (typeof response === 'string') return problem(check, 'NOTIFY_UNREACHABLE', { url, reason: response })
  if (response.status >= 300 && response.status < 400) {
    return problem(check, 'NOTIFY_REDIRECT', { url, location: cutText(response.headers.get('location') ?? '', 200) })
  }
  const text = (await response.text().catch(() => '')).slice(0, 100_000)
  if (text === 'fail' && /^text\/plain/.test(response.headers.get('content-type') ?? '')) {
    return !sandbox && !isPublicHost(new URL(url).hostname)
      ? warning(check, 'NOTIFY_LOCAL', { url })
      : ok(check, 'NOTIFY_OK', { url })
  }
  if (/^"success"\s*$/.test(text)) return problem(check, 'NOTIFY_QUOTED', { url })
  if (text.trim() === 'success') return problem(check, 'NOTIFY_BELIEVES', { url })
  if (/<form[\s\S]*type=["']?password|\blogin\b|登录/i.test(text)) return problem(check, 'NOTIFY_LOGIN', { url })
  const begins = cutText(text.replace(/\s+/g, ' '), 60)
  return problem(check, 'NOTIFY_OTHER', { url, status: String(response.status), text: begins })
}
