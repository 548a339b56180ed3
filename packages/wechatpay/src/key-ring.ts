/** WeChat's keys by name: those that were given, and the platform certificates where they are in use. */
import type { KeyObject } from 'node:crypto'
import { FieldError, KeyError, longEnough, readPublicKey, sameKey } from '@xuecheng/client-kit'
import type { PlatformCertificate } from './certificates.ts'

export interface GivenKeys {
  /** WeChat Pay's public key (not the merchant's own): PEM, bare base64, a certificate, or a key object. */
  readonly publicKey?: string | KeyObject | undefined
  /** `PUB_KEY_ID_…`, as the console shows it beside the key. */
  readonly publicKeyId?: string | undefined
  /** Further keys of WeChat's, by their id or serial number. */
  readonly moreKeys?: Readonly<Record<string, string | KeyObject>> | undefined
}

/** WeChat's keys by their serial number or id. */
export interface KeyRing {
  /** The key that signs under this name; undefined for one that is not WeChat's. May ask WeChat. Never throws. */
  find(serial: string): Promise<KeyObject | undefined>
  /** The same, without asking. */
  held(serial: string): KeyObject | undefined
  /** What a request asks its answer to be signed with. */
  preferred(): string | undefined
  /** Asks for the certificates now. @throws what the download throws */
  refresh(): Promise<readonly PlatformCertificate[]>
}

/**
 * The keys that were given, by their names.
 * @throws KeyError where one is the merchant's own, or cannot be used; FieldError where a key has no name
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
    "This is the merchant's own public key. WeChat Pay's belongs here: the console gives it for download.",
  )
}

/** WeChat wants them asked for at least every 12 hours; a new one is there days before it signs. */
const REFRESH_MS = 12 * 60 * 60_000
/** Anybody can name a serial number; a rotation in the middle of traffic must not wait long. Asked this often at most. */
const AGAIN_MS = 5_000

export interface KeyRingOptions {
  readonly given: ReadonlyMap<string, KeyObject>
  /** Of the key to ask for; the newest certificate's where there is none. */
  readonly publicKeyId: string | undefined
  /** Whether platform certificates are in use. */
  readonly certificates: boolean
  readonly download: () => Promise<readonly PlatformCertificate[]>
  readonly clock: () => Date
}

export function createKeyRing({ given, publicKeyId, certificates, download, clock }: KeyRingOptions): KeyRing {
  let known: readonly PlatformCertificate[] = []
  let staleAt = 0
  let askAgainAt = 0
  let asking: Promise<readonly PlatformCertificate[]> | undefined
  const valid = () => known.filter(({ expireTime }) => expireTime > clock())
  const held = (serial: string) =>
    given.get(serial) ?? valid().find(({ serialNo }) => serialNo === serial.toUpperCase())?.publicKey

  async function ask(): Promise<readonly PlatformCertificate[]> {
    askAgainAt = clock().getTime() + AGAIN_MS
    known = await download()
    staleAt = clock().getTime() + REFRESH_MS
    return known
  }

  /** One at a time, whoever waits for it. */
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
      const now = clock().getTime()
      const refreshed = () => refresh().then(undefined, () => undefined)
      if (key) {
        // Nobody needs to wait for the next ones.
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
