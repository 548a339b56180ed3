/**
 * The key doctor: names the mix-ups that people lose days to, one finding each, with what to do. Reads keys as texts, asks
 * the gateway once, and looks at its clock and at our own notify address. Says nothing of a key but a fingerprint.
 */
import {
  AlipayError,
  describeKey,
  GatewayRefusedError,
  type KeyDescription,
  PRODUCTION_GATEWAY,
} from '@xuecheng/alipay'
import { SettingError } from '../../../config.ts'
import type { Language } from '../../../errors.ts'
import { type Finding as Found, inWords, type SaidFinding, type Verdict } from '../../../finding.ts'
import { formOf } from '../key-settings.ts'
import { reasonOf } from '../reason.ts'
import { DOCTOR_WORDS, type DoctorCheck, type DoctorCode } from './doctor-words.ts'
import { NOTIFY_PROBE } from './notify-probe.ts'
import { type AlipayKeys, type AlipaySettings, openClient } from './settings.ts'

export type Finding = Found<DoctorCheck, DoctorCode>

const LEAST_BITS = 2048
const CLOCK_LIMIT_MS = 5 * 60_000
const PROBE_LIMIT_MS = 8000

/** The findings in the reader's language. */
export const say = (findings: readonly Finding[], language: Language): SaidFinding[] =>
  findings.map((finding) => inWords(finding, DOCTOR_WORDS, language))

const as =
  (verdict: Verdict) =>
  (check: DoctorCheck, code: DoctorCode, values: Readonly<Record<string, string>> = {}): Finding => ({
    check,
    verdict,
    code,
    values,
  })
const ok = as('ok')
const warning = as('warning')
const problem = as('problem')
const unknown = as('unknown')
const unchecked = as('unchecked')

/** Everything at once. `appPublicKey` is the application's own public key, where there is a file of it. */
export async function examine(
  settings: AlipaySettings,
  appPublicKey: string | undefined,
  now: () => Date,
): Promise<Finding[]> {
  const keys = examineKeys(settings.keys, appPublicKey)
  const usable = keys.every(({ verdict }) => verdict !== 'problem')
  const [away, clock, address] = await Promise.all([
    usable ? examineGateway(settings, now) : [],
    examineClock(settings, now),
    examineNotifyAddress(settings),
  ])
  return [...keys, ...away, clock, address]
}

/** What the texts are, without any network. */
export function examineKeys(keys: AlipayKeys, appPublicKey?: string): Finding[] {
  const own = describeKey(keys.privateKey)
  const theirs = describeKey('certificates' in keys ? keys.certificates.alipayCert : keys.alipayPublicKey)
  const app = appPublicKey === undefined ? undefined : describeKey(appPublicKey)
  const findings = [examinePrivateKey(own, theirs), examineGatewayKey(own, theirs)]
  if (app) findings.push(examineAppKey(own, app))
  const named: [DoctorCheck, KeyDescription | undefined][] = [
    ['private_key', own],
    ['gateway_key', theirs],
    ['app_key', app],
  ]
  for (const [check, key] of named) {
    // Of what could not be read, "it is read all the same" would be said in vain.
    if (!key || !(isPrivate(key) || isPublic(key))) continue
    for (const { code, message: detail } of key.defects) {
      findings.push(code === 'BARE_BASE64' ? ok(check, code) : warning(check, code, { detail }))
    }
  }
  return findings
}

const isPrivate = (key: KeyDescription): boolean => key.format.startsWith('private')
const isPublic = (key: KeyDescription): boolean => key.format.startsWith('public') || key.format === 'certificate'
const print = (key: KeyDescription): string => key.fingerprint?.slice(0, 16) ?? ''

function examinePrivateKey(own: KeyDescription, theirs: KeyDescription): Finding {
  const check = 'private_key'
  const bits = String(own.bits ?? 0)
  if (isPublic(own) && isPrivate(theirs)) return problem(check, 'KEYS_SWAPPED')
  if (isPublic(own)) return problem(check, 'PUBLIC_FOR_PRIVATE', { format: own.format })
  if (!isPrivate(own)) return unreadable(check, own)
  return notFit(check, own) ?? ok(check, 'PRIVATE_KEY_OK', { form: formOf(own), bits, print: print(own) })
}

function examineGatewayKey(own: KeyDescription, theirs: KeyDescription): Finding {
  const check = 'gateway_key'
  if (isPrivate(theirs)) return problem(check, 'PRIVATE_FOR_GATEWAY')
  if (!isPublic(theirs)) return unreadable(check, theirs)
  if (own.fingerprint !== undefined && own.fingerprint === theirs.fingerprint) return problem(check, 'OWN_FOR_GATEWAY')
  const code = theirs.format === 'certificate' ? 'GATEWAY_CERT_OK' : 'GATEWAY_KEY_OK'
  const values = { form: formOf(theirs), bits: String(theirs.bits ?? 0), print: print(theirs) }
  return notFit(check, theirs) ?? ok(check, code, values)
}

function examineAppKey(own: KeyDescription, app: KeyDescription): Finding {
  const check = 'app_key'
  if (isPrivate(app)) return problem(check, 'PRIVATE_FOR_APP')
  if (!isPublic(app)) return unreadable(check, app)
  if (app.fingerprint === own.fingerprint) return ok(check, 'PAIR_OK', { form: formOf(app) })
  return problem(check, 'NOT_THE_PAIR', { print: print(app), own: print(own) })
}

/** A key of another algorithm, or too short a one. */
function notFit(check: DoctorCheck, { algorithm, bits = 0 }: KeyDescription): Finding | undefined {
  if (algorithm !== 'rsa') return problem(check, 'NOT_RSA', { algorithm: algorithm?.toUpperCase() ?? '' })
  return bits < LEAST_BITS ? problem(check, 'TOO_SHORT', { bits: String(bits) }) : undefined
}

function unreadable(check: DoctorCheck, { format }: KeyDescription): Finding {
  if (format === 'empty') return problem(check, 'EMPTY')
  return problem(check, format === 'encrypted' ? 'ENCRYPTED' : 'UNREADABLE')
}

/** Asks for a trade that nobody made: "there is none" is the answer to a signature that is good. */
async function examineGateway(settings: AlipaySettings, now: () => Date): Promise<Finding[]> {
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

function gatewayProblem(error: AlipayError, { appId, gateway }: AlipaySettings, host: string): Finding {
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
  // Whatever answers at another path is not the gateway.
  const answered = error.code === 'HTTP_STATUS' || error.code.startsWith('ANSWER_')
  if (answered && !path.endsWith('/gateway.do')) return problem('gateway', 'WRONG_PATH', { host, path, reason })
  return unknown('gateway', 'NO_ANSWER', { host, reason })
}

/** Alipay reads our timestamp; a clock that is far off shows here, whatever zone it is set to. */
export async function examineClock({ gateway }: Pick<AlipaySettings, 'gateway'>, now: () => Date): Promise<Finding> {
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

/** Sends what no gateway would: an empty notification. The shop must answer `fail` by itself, with nothing in between. */
export async function examineNotifyAddress({
  notifyUrl: url,
  sandbox,
}: Pick<AlipaySettings, 'notifyUrl' | 'sandbox'>): Promise<Finding> {
  const check = 'notify_address'
  const response = await probe(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: NOTIFY_PROBE,
  })
  if (typeof response === 'string') return problem(check, 'NOTIFY_UNREACHABLE', { url, reason: response })
  if (response.status >= 300 && response.status < 400) {
    return problem(check, 'NOTIFY_REDIRECT', { url, location: response.headers.get('location')?.slice(0, 200) ?? '' })
  }
  const text = (await response.text().catch(() => '')).slice(0, 100_000)
  if (text === 'fail' && /^text\/plain/.test(response.headers.get('content-type') ?? '')) {
    const local = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
    return local && !sandbox ? warning(check, 'NOTIFY_LOCAL', { url }) : ok(check, 'NOTIFY_OK', { url })
  }
  if (/^"success"\s*$/.test(text)) return problem(check, 'NOTIFY_QUOTED', { url })
  if (text.trim() === 'success') return problem(check, 'NOTIFY_BELIEVES', { url })
  if (/<form[\s\S]*type=["']?password|\blogin\b|登录/i.test(text)) return problem(check, 'NOTIFY_LOGIN', { url })
  const begins = text.replace(/\s+/g, ' ').slice(0, 60)
  return problem(check, 'NOTIFY_OTHER', { url, status: String(response.status), text: begins })
}

async function probe(url: string, init: RequestInit): Promise<Response | string> {
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(PROBE_LIMIT_MS) })
  } catch (error) {
    return reasonOf(error)
  }
}
