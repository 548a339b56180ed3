/**
 * The key doctor: names the mix-ups that people lose days to, one line each, with what to do. Reads keys as texts, asks
 * the gateway once, and looks at its clock and at our own notify address. Says nothing of a key but a fingerprint.
 */
import {
  AlipayError,
  describeKey,
  GatewayRefusedError,
  type KeyDescription,
  PRODUCTION_GATEWAY,
} from '@xuecheng/alipay'
import { type Finding, ok, problem, unknown, warning } from '../../../finding.ts'
import { type AlipayKeys, type AlipaySettings, openClient } from './settings.ts'

const CLOCK_LIMIT_MS = 5 * 60_000
const PROBE_LIMIT_MS = 8000

/** Everything at once. `appPublicKey` is the application's own public key, where there is a file of it. */
export async function examine(
  settings: AlipaySettings,
  appPublicKey: string | undefined,
  now: () => Date,
): Promise<Finding[]> {
  const keys = examineKeys(settings.keys, appPublicKey)
  const usable = keys.every(({ verdict }) => verdict !== 'problem')
  const away = usable ? examineGateway(settings, now) : []
  return [...keys, ...(await away), await examineClock(settings, now), await examineNotifyAddress(settings)]
}

/** What the texts are, without any network. */
export function examineKeys(keys: AlipayKeys, appPublicKey?: string): Finding[] {
  const own = describeKey(keys.privateKey)
  const alipay = describeKey('certificates' in keys ? keys.certificates.alipayCert : keys.alipayPublicKey)
  const app = appPublicKey === undefined ? undefined : describeKey(appPublicKey)
  const findings = [examinePrivateKey(own, alipay), examineAlipayKey(own, alipay)]
  if (app) findings.push(examineAppKey(own, app))
  const named: [string, KeyDescription | undefined][] = [
    ['private key', own],
    ["Alipay's key", alipay],
    ['app public key', app],
  ]
  for (const [name, key] of named) {
    for (const defect of key?.defects ?? []) {
      if (defect.code === 'BARE_BASE64')
        findings.push(ok(name, `${defect.message} That is how Alipay's key tool writes it; it is read as it is.`))
      else findings.push(warning(name, `${defect.message} It is read all the same here; other programs may refuse it.`))
    }
  }
  return findings
}

const isPrivate = (key: KeyDescription): boolean => key.format.startsWith('private')
const isPublic = (key: KeyDescription): boolean => key.format.startsWith('public') || key.format === 'certificate'
const short = (key: KeyDescription): string => key.fingerprint?.slice(0, 16) ?? ''

function examinePrivateKey(own: KeyDescription, alipay: KeyDescription): Finding {
  const name = 'private key'
  if (isPublic(own) && isPrivate(alipay)) {
    return problem(
      name,
      'The private key and the public key are swapped: each stands where the other belongs.',
      'Exchange the two files or settings.',
    )
  }
  if (isPublic(own)) {
    return problem(
      name,
      `This is a public key (${own.format}), not the application's private key.`,
      'Put the private key that the key tool made beside it here.',
    )
  }
  if (!isPrivate(own)) return unreadable(name, own)
  if (own.algorithm !== 'rsa')
    return problem(name, `This is a key for ${own.algorithm}, not RSA.`, 'Make one with: xuecheng keys generate')
  if ((own.bits ?? 0) < 2048) {
    return problem(
      name,
      `It has ${own.bits} bits; RSA2 needs 2048.`,
      'Make a new pair with: xuecheng keys generate, and upload its public key.',
    )
  }
  const form = own.format === 'private-pkcs8' ? 'PKCS#8' : 'PKCS#1'
  return ok(name, `${form}, RSA ${own.bits} bits, public half ${short(own)}.`)
}

function examineAlipayKey(own: KeyDescription, alipay: KeyDescription): Finding {
  const name = "Alipay's key"
  if (isPrivate(alipay)) {
    return problem(
      name,
      "A private key stands where Alipay's public key belongs.",
      "Copy Alipay's public key (支付宝公钥) from the console.",
    )
  }
  if (!isPublic(alipay)) return unreadable(name, alipay)
  if (own.fingerprint !== undefined && own.fingerprint === alipay.fingerprint) {
    return problem(
      name,
      "The application's own public key was pasted where Alipay's belongs: requests work, but every answer and notification will be refused.",
      'In the console, upload your key, then copy the other one it shows: 支付宝公钥, not 应用公钥.',
    )
  }
  const kind = alipay.format === 'certificate' ? 'certificate' : 'public key'
  return ok(name, `${kind}, RSA ${alipay.bits} bits, ${short(alipay)}; it is not the application's own.`)
}

function examineAppKey(own: KeyDescription, app: KeyDescription): Finding {
  const name = 'app public key'
  if (!isPublic(app))
    return isPrivate(app)
      ? problem(
          name,
          'A private key stands in the file of the public key.',
          'Write it anew with: xuecheng keys generate',
        )
      : unreadable(name, app)
  if (app.fingerprint === own.fingerprint) return ok(name, 'It is the pair of the private key.')
  return problem(
    name,
    `It is not the pair of the private key (${short(app)} and ${short(own)}): the key of another application, or of an older pair.`,
    'Upload the public half of the private key in use, or use the private key that belongs to the one uploaded.',
  )
}

function unreadable(name: string, key: KeyDescription): Finding {
  if (key.format === 'encrypted')
    return problem(
      name,
      'It is encrypted with a password.',
      'Take the password off: openssl pkey -in key.pem -out plain.pem',
    )
  return problem(
    name,
    'It is no RSA key in PEM or base64. It may be cut off, or have lost characters.',
    'Copy it again, whole.',
  )
}

/** Asks for a trade that nobody made: "there is none" is the answer to a signature that is good. */
async function examineGateway(settings: AlipaySettings, now: () => Date): Promise<Finding[]> {
  const host = new URL(settings.gateway).host
  const client = openClient(settings, { clock: now, timeoutMs: PROBE_LIMIT_MS, retries: 0 })
  try {
    await client.query({ outTradeNo: `xuecheng_keys_check_${now().getTime()}` })
    return [
      ok('gateway', `${host} accepts our signature for application ${settings.appId}.`),
      ok('answers', "The gateway's answer is signed with the key that stands here as Alipay's."),
    ]
  } catch (error) {
    if (!(error instanceof AlipayError)) throw error
    return [gatewayProblem(error, settings, host)]
  }
}

function gatewayProblem(error: AlipayError, { appId, gateway }: AlipaySettings, host: string): Finding {
  if (error instanceof GatewayRefusedError && error.subCode === 'isv.invalid-app-id') {
    const sandboxId = appId.startsWith('9021')
    const why =
      sandboxId && gateway === PRODUCTION_GATEWAY ? ': it is a sandbox application, and this is the real gateway' : ''
    return problem(
      'gateway',
      `${host} does not know the application ${appId}${why}.`,
      'Sandbox applications belong to the sandbox gateway, real ones to the real gateway: check ALIPAY_APP_ID and ALIPAY_GATEWAY.',
    )
  }
  if (error instanceof GatewayRefusedError && error.subCode === 'isv.invalid-signature') {
    return problem(
      'gateway',
      `${host} refuses our signature: the public key that application ${appId} has there is not the pair of this private key. It is the key of another application, of the sandbox, or of an older pair.`,
      'Upload the public half of this private key in the console (接口加签方式), or use the private key that belongs to the one uploaded.',
    )
  }
  if (error instanceof GatewayRefusedError) {
    return problem(
      'gateway',
      `${host} refuses the request: ${error.subCode}: ${error.subMessage}`,
      'See the code in the console’s error list.',
    )
  }
  if (error.code === 'ANSWER_NOT_VERIFIED') {
    return problem(
      'answers',
      `${host} accepts our signature, but its answer is not signed with the key that stands here as Alipay's: it is that of another application, or of the ${gateway === PRODUCTION_GATEWAY ? 'sandbox' : 'real gateway'}.`,
      "Copy Alipay's public key (支付宝公钥) of this very application.",
    )
  }
  return unknown(
    'gateway',
    `${host} gave no usable answer (${error.code}).`,
    'Check the address and the network, then try again.',
  )
}

/** Alipay reads our timestamp; a clock that is far off shows here, whatever zone it is set to. */
export async function examineClock({ gateway }: Pick<AlipaySettings, 'gateway'>, now: () => Date): Promise<Finding> {
  const response = await probe(gateway, { method: 'HEAD' })
  const theirs = Date.parse(typeof response === 'string' ? '' : (response.headers.get('date') ?? ''))
  if (Number.isNaN(theirs))
    return unknown(
      'clock',
      "The gateway's clock could not be read.",
      'Compare this machine’s clock with the time by hand.',
    )
  const off = now().getTime() - theirs
  if (Math.abs(off) <= CLOCK_LIMIT_MS)
    return ok('clock', `It agrees with the gateway's within ${Math.ceil(Math.abs(off) / 1000)} s.`)
  const minutes = Math.round(Math.abs(off) / 60_000)
  return problem(
    'clock',
    `This machine's clock is ${minutes} minutes ${off > 0 ? 'ahead of' : 'behind'} the gateway's.`,
    'Set it right (timedatectl set-ntp true).',
  )
}

/** Sends what no gateway would: an empty notification. The shop must answer `fail` by itself, with nothing in between. */
export async function examineNotifyAddress({
  notifyUrl,
  sandbox,
}: Pick<AlipaySettings, 'notifyUrl' | 'sandbox'>): Promise<Finding> {
  const name = 'notify address'
  const response = await probe(notifyUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: 'notify_type=trade_status_sync',
  })
  if (typeof response === 'string') {
    return problem(
      name,
      `${notifyUrl} is not reachable: ${response}.`,
      'Start the shop, and set PUBLIC_URL to the address at which Alipay can reach it.',
    )
  }
  if (response.status >= 300 && response.status < 400) {
    return problem(
      name,
      `${notifyUrl} answers with a redirect to ${response.headers.get('location')?.slice(0, 200)}; Alipay follows none.`,
      'Set PUBLIC_URL to the address that answers itself (https, the right host, no slash added).',
    )
  }
  const text = (await response.text().catch(() => '')).slice(0, 100_000)
  if (text === 'fail' && /^text\/plain/.test(response.headers.get('content-type') ?? '')) {
    const local = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(notifyUrl).hostname)
    if (local && !sandbox)
      return warning(
        name,
        `${notifyUrl} answers as it should, but only on this machine: Alipay cannot reach it. The return page and the job will settle orders by asking.`,
      )
    return ok(name, `${notifyUrl} answers as it should.`)
  }
  if (/^"success"\s*$/.test(text))
    return problem(
      name,
      `${notifyUrl} answers "success" in quotes; Alipay takes only the seven letters, and will repeat every notification.`,
      'Answer text/plain, not JSON.',
    )
  if (text.trim() === 'success')
    return problem(
      name,
      `${notifyUrl} answers success to a message without a signature: anyone could mark orders paid.`,
      'Verify before answering.',
    )
  if (/<form[\s\S]*type=["']?password|\blogin\b|登录/i.test(text))
    return problem(
      name,
      `${notifyUrl} answers a login page: something in front of the shop asks for a password.`,
      'Let this one address through without a login.',
    )
  return problem(
    name,
    `${notifyUrl} answers HTTP ${response.status} and something else than the shop: ${text.replace(/\s+/g, ' ').slice(0, 60)}`,
    'Check what PUBLIC_URL leads to.',
  )
}

async function probe(url: string, init: RequestInit): Promise<Response | string> {
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(PROBE_LIMIT_MS) })
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
    return code ?? (error instanceof Error ? error.name : 'no answer')
  }
}
