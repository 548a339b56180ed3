/** WeChat's keys by name: the configured ones, and the platform certificates if they are in use. */
import type { KeyObject } from 'node:crypto'
import { FieldError, KeyError, longEnough, readPublicKey, sameKey } from '@xuecheng/client-kit'

/** One of WeChat Pay's own certificates. */
export interface PlatformCertificate {
  readonly serialNo: string
  readonly effectiveTime: Date
  readonly expireTime: Date
  readonly publicKey: KeyObject
  /** PEM. */
  readonly certificate: string
}

export interface GivenKeys {
  /** WeChat Pay's public key (not the merchant's own): PEM, bare base64, a certificate, or a key object. */
  readonly publicKey?: string | KeyObject | undefined
  /** `PUB_KEY_ID_…`, shown beside the key in the console. */
  readonly publicKeyId?: string | undefined
  /** Further keys of WeChat's, by id or serial number. */
  readonly moreKeys?: Readonly<Record<string, string | KeyObject>> | undefined
}

/** WeChat's keys by serial number or id. */
export interface KeyRing {
  /** The key with this name; undefined if it is not WeChat's. May download certificates. Never throws. */
  find(serial: string): Promise<KeyObject | undefined>
  /** The same, without a download. */
  held(serial: string): KeyObject | undefined
  /** The key that a request asks WeChat to sign its answer with. */
  preferred(): string | undefined
  /** Downloads the certificates now. @throws what the download throws */
  refresh(): Promise<readonly PlatformCertificate[]>
}

/**
 * The configured keys, by name.
 * @throws KeyError when one is the merchant's own or unusable; FieldError when a key has no name
 */
export function readGivenKeys(given: GivenKeys, privateKey: KeyObject): Map<string, KeyObject> {
  const { publicKey, publicKeyId, moreKeys = {} } = given
  if (publicKey !== undefined && !publicKeyId)
    throw new FieldError('publicKeyId', 'must be the PUB_KEY_ID_… that the console shows beside the key')
  const all: [string, string | KeyObject][] = Object.entries(moreKeys)
  if (publicKey !== undefined && publicKeyId) all.unshift([publicKeyId, publicKey])
  return new Map(all.map(([name, key]) => [checkedKeyName(name), checkedKey(key, privateKey)]))
}

function checkedKeyName(name: string): string {
  if (/^[\w-]{1,64}$/.test(name)) return name
  throw new FieldError('publicKeyId', 'must be letters, digits and _, as the console shows it')
}

function checkedKey(given: string | KeyObject, privateKey: KeyObject): KeyObject {
  const key = longEnough(readPublicKey(given), 2048, 'SHA256-RSA2048')
  if (!sameKey(key, privateKey)) return key
  throw new KeyError(
    'OWN_PUBLIC_KEY_GIVEN',
    "This is the merchant's own public key. Give WeChat Pay's: download it from the console.",
  )
}

/** WeChat requires a download at least every 12 hours; a new certificate is listed days before it signs. */
const REFRESH_MS = 12 * 60 * 60_000
/** Any sender can name an unknown serial number, and a rotation must not wait long: download at most this often. */
const AGAIN_MS = 5_000

export interface KeyRingOptions {
  readonly given: ReadonlyMap<string, KeyObject>
  /** The id of the key to request; the newest certificate's if there is none. */
  readonly publicKeyId: string | undefined
  /** Whether platform certificates are in use. */
  readonly certificates: boolean
  readonly download: () => Promise<readonly PlatformCertificate[]>
  readonly clock: () => Date
  /** Milliseconds that pass evenly: a clock that is put right must not lengthen a pause. */
  readonly elapsed: () => number
}

export function createKeyRing(options: KeyRingOptions): KeyRing {
  const { given, publicKeyId, certificates, download, clock, elapsed } = options
  let known: readonly PlatformCertificate[] = []
  let staleAt = Number.NEGATIVE_INFINITY
  let askAgainAt = Number.NEGATIVE_INFINITY
  let asking: Promise<readonly PlatformCertificate[]> | undefined
  const valid = () => known.filter(({ expireTime }) => expireTime > clock())
  const held = (serial: string) =>
    given.get(serial) ?? valid().find(({ serialNo }) => serialNo === serial.toUpperCase())?.publicKey

  async function ask(): Promise<readonly PlatformCertificate[]> {
    askAgainAt = elapsed() + AGAIN_MS
    known = await download()
    staleAt = elapsed() + REFRESH_MS
    return known
  }

  /** Only one download at a time; concurrent callers share it. */
  function refresh(): Promise<readonly PlatformCertificate[]> {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }

  return {
    held,
    refresh,
    preferred: () => publicKeyId ?? newest(valid(), clock())?.serialNo,
    async find(serial) {
      const key = held(serial)
      const isCertificate = certificates && !given.has(serial) && /^[0-9A-Fa-f]{8,64}$/.test(serial)
      if (!isCertificate) return key
      const now = elapsed()
      const refreshed = () => refresh().then(undefined, () => undefined)
      if (key) {
        // The next ones load in the background.
        if (now >= staleAt && now >= askAgainAt) void refreshed()
        return key
      }
      if (asking === undefined && now < askAgainAt) return undefined
      await refreshed()
      return held(serial)
    },
  }
}

/** The one that took effect last. */
const newest = (all: readonly PlatformCertificate[], now: Date): PlatformCertificate | undefined =>
  all
    .filter(({ effectiveTime }) => effectiveTime <= now)
    .sort((left, right) => right.effectiveTime.getTime() - left.effectiveTime.getTime())[0]
