/** Platform certificates (`GET /v3/certificates`): WeChat's older way to say which keys are its own. */
import { type KeyObject, X509Certificate } from 'node:crypto'
import { type CallOptions, repeat, UnknownOutcomeError } from '@xuecheng/client-kit'
import { unseal } from './encryption.ts'
import { GatewayRefusedError } from './errors.ts'
import { type Done, entryOf, exchange, REPEATABLE, readAnswer, type Transport } from './execute.ts'
import { asObject, type JsonObject, readObject, textOf } from './json.ts'
import { type ErrorAnswer, sameCode } from './refusals.ts'
import { readMoment } from './time.ts'

export interface PlatformCertificate {
  readonly serialNo: string
  readonly effectiveTime: Date
  readonly expireTime: Date
  readonly publicKey: KeyObject
  /** PEM. */
  readonly certificate: string
}

const PATH = '/v3/certificates'

/**
 * Downloads, decrypts and checks them. The answer may be signed with a key that only it brings: then it is verified with
 * that one, which is WeChat's because nobody else has the APIv3 key that it is sealed with.
 * @throws GatewayRefusedError where the merchant has none, as new ones do (`RESOURCE_NOT_EXISTS`)
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
  const advice = none ? '\nThis merchant verifies with WeChat Pay’s public key: give publicKey and publicKeyId.' : ''
  throw new GatewayRefusedError(answer.code, `${answer.code}: ${answer.message}${advice}`, answer)
}

/** @throws UnknownOutcomeError where one that is for RSA cannot be opened */
function openAll(values: JsonObject | undefined, apiV3Key: Buffer): PlatformCertificate[] {
  const data = values?.['data']
  if (!Array.isArray(data)) throw unbelievable('has no list')
  return data.flatMap((each: unknown) => open(asObject(each), apiV3Key))
}

function open(item: JsonObject | undefined, apiV3Key: Buffer): PlatformCertificate[] {
  const sealed = asObject(item?.['encrypt_certificate'])
  // Another algorithm is another kind of certificate (SM2), and none of ours.
  if (textOf(sealed, 'algorithm') !== 'AEAD_AES_256_GCM') return []
  const text = unseal(
    {
      algorithm: textOf(sealed, 'algorithm'),
      ciphertext: textOf(sealed, 'ciphertext'),
      nonce: textOf(sealed, 'nonce'),
      associatedData: textOf(sealed, 'associated_data'),
    },
    apiV3Key,
  )
  if (text === undefined) throw unbelievable('does not decrypt: the APIv3 key here is not the one set in the console')
  const [effectiveTime, expireTime] = [
    readMoment(textOf(item, 'effective_time')),
    readMoment(textOf(item, 'expire_time')),
  ]
  const certificate = parse(text)
  if (!certificate || !effectiveTime || !expireTime) throw unbelievable('has one that is no certificate')
  const { publicKey, serialNumber } = certificate
  if (publicKey.asymmetricKeyType !== 'rsa') return []
  if (serialNumber !== textOf(item, 'serial_no').toUpperCase()) throw unbelievable('names one by another serial number')
  return [{ serialNo: serialNumber, effectiveTime, expireTime, publicKey, certificate: text }]
}

function parse(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text)
  } catch {
    return undefined
  }
}

const unbelievable = (why: string): UnknownOutcomeError =>
  new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', `The list of certificates ${why}.`)
