/** Platform certificates (`GET /v3/certificates`): WeChat's older way to publish its keys. */
import { X509Certificate } from 'node:crypto'
import { type CallOptions, repeat, UnknownOutcomeError } from '@xuecheng/client-kit'
import { decrypt } from './encryption.ts'
import { GatewayRefusedError } from './errors.ts'
import { type Done, entryOf, exchange, REPEATABLE, readAnswer, type Transport } from './execute.ts'
import { asObject, type JsonObject, readObject, textOf } from './json.ts'
import type { PlatformCertificate } from './key-ring.ts'
import { type ErrorAnswer, sameCode } from './refusals.ts'
import { readMoment } from './time.ts'

const PATH = '/v3/certificates'

/**
 * Downloads, decrypts and checks the certificates. If the answer is signed with a key that only it contains, it is
 * verified with that key, which must be WeChat's: only WeChat and the merchant have the APIv3 key that encrypts it.
 * @throws GatewayRefusedError when the merchant has none, as new merchants do (`RESOURCE_NOT_EXISTS`)
 * @throws UnknownOutcomeError, NotSentError
 */
export async function downloadCertificates(
  transport: Transport,
  options: CallOptions = {},
): Promise<readonly PlatformCertificate[]> {
  const call = { method: 'GET', path: PATH } as const
  let certificates: readonly PlatformCertificate[] = []
  const attempt = async (signal: AbortSignal, timeoutMs: number): Promise<Done | ErrorAnswer> => {
    const url = new URL(`${transport.baseUrl}${PATH}`)
    const { answered, signed } = await exchange(transport, { method: 'GET', url }, signal, timeoutMs)
    certificates =
      answered.status === 200 ? openAll(readObject(answered.body.toString('utf8')), transport.apiV3Key) : []
    const find = async (serial: string) =>
      transport.keys.held(serial) ?? certificates.find(({ serialNo }) => serialNo === serial)?.publicKey
    return readAnswer({ clock: transport.clock, keys: { find } }, answered, signed)
  }
  const answer = await repeat(attempt, transport, options, REPEATABLE, (made) => transport.log?.(entryOf(call, made)))
  if (answer.ok) return certificates
  const none = sameCode(answer.code, 'RESOURCE_NOT_EXISTS')
  const advice = none ? '\nThis merchant uses WeChat Pay’s public key: configure publicKey and publicKeyId.' : ''
  throw new GatewayRefusedError(answer.code, `${answer.code}: ${answer.message}${advice}`, answer)
}

/** @throws UnknownOutcomeError when an RSA certificate cannot be decrypted */
function openAll(values: JsonObject | undefined, apiV3Key: Buffer): PlatformCertificate[] {
  const data = values?.['data']
  if (!Array.isArray(data)) throw untrusted('has no list')
  return data.flatMap((each: unknown) => open(asObject(each), apiV3Key))
}

function open(item: JsonObject | undefined, apiV3Key: Buffer): PlatformCertificate[] {
  const encrypted = asObject(item?.['encrypt_certificate'])
  // Another algorithm means another type of certificate (SM2), which this client does not use.
  if (textOf(encrypted, 'algorithm') !== 'AEAD_AES_256_GCM') return []
  const text = decrypt(
    {
      algorithm: textOf(encrypted, 'algorithm'),
      ciphertext: textOf(encrypted, 'ciphertext'),
      nonce: textOf(encrypted, 'nonce'),
      associatedData: textOf(encrypted, 'associated_data'),
    },
    apiV3Key,
  )
  if (text === undefined)
    throw untrusted('cannot be decrypted: the configured APIv3 key is not the one set in the console')
  const [effectiveTime, expireTime] = [
    readMoment(textOf(item, 'effective_time')),
    readMoment(textOf(item, 'expire_time')),
  ]
  const certificate = parse(text)
  if (!certificate || !effectiveTime || !expireTime) throw untrusted('has an entry that is not a certificate')
  const { publicKey, serialNumber } = certificate
  if (publicKey.asymmetricKeyType !== 'rsa') return []
  if (serialNumber !== textOf(item, 'serial_no').toUpperCase())
    throw untrusted('has an entry with a wrong serial number')
  return [{ serialNo: serialNumber, effectiveTime, expireTime, publicKey, certificate: text }]
}

function parse(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text)
  } catch {
    return undefined
  }
}

const untrusted = (why: string): UnknownOutcomeError =>
  new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', `The list of certificates ${why}.`)
