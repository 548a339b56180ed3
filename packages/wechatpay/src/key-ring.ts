/** WeChat's keys by name: those that were given, and the platform certificates where they are in use. */
import type { KeyObject } from 'node:crypto'
import { FieldError, KeyError, longEnough, readPublicKey, sameKey } from '@xuecheng/client-kit'

export interface GivenKeys {
  /** WeChat Pay's public key (not the merchant's own): PEM, bare base64, a certificate, or a key object. */
  readonly publicKey?: string | KeyObject | undefined
  /** `PUB_KEY_ID_…`, as the console shows it beside the key. */
  readonly publicKeyId?: string | undefined
}

/**
 * The keys that were given, by their names.
 * @throws KeyError where one is the merchant's own, or cannot be used; FieldError where a key has no name
 */
export function readGivenKeys({ publicKey, publicKeyId }: GivenKeys, privateKey: KeyObject): Map<string, KeyObject> {
  if (publicKey === undefined) return new Map()
  if (!publicKeyId || !/^[\w-]{1,64}$/.test(publicKeyId))
    throw new FieldError('publicKeyId', 'must be the PUB_KEY_ID_… that the console shows beside the key')
  const key = longEnough(readPublicKey(publicKey), 2048, 'SHA256-RSA2048')
  if (!sameKey(key, privateKey)) return new Map([[publicKeyId, key]])
  throw new KeyError(
    'OWN_PUBLIC_KEY_GIVEN',
    "This is the merchant's own public key. WeChat Pay's belongs here: the console gives it for download.",
  )
}
