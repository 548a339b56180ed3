/** Verifies what Alipay sends with Alipay's key alone: no application, no private key. */
import type { KeyObject } from 'node:crypto'
import { readPublicKey, verdict } from '@xuecheng/client-kit'
import { type Notification, verifyNotification } from './notification.ts'
import { type Return, type ReturnOptions, verifyReturn } from './return.ts'
import type { SignType } from './sign.ts'
import type { Refused, Verifier } from './signed-form.ts'

export interface VerifierOptions {
  /** Alipay's public key, or its certificate: PEM, bare base64, or a `KeyObject`. */
  readonly alipayPublicKey: string | KeyObject
  /** The application's signature type; a message signed with the other type is refused. `RSA2` by default. */
  readonly signType?: SignType | undefined
}

export interface AlipayVerifier {
  /** Verifies a return address: its query, with or without the part before `?`. */
  verifyReturn(query: string | URLSearchParams, options?: ReturnOptions): Promise<Return | Refused>
  /** Verifies a notification from its raw body. */
  verifyNotification(body: Uint8Array | string, contentType: string | undefined): Promise<Notification | Refused>
}

/** @throws KeyError when the key is not a public key */
export const createVerifier = ({ alipayPublicKey, signType = 'RSA2' }: VerifierOptions): AlipayVerifier =>
  verifierWith({ alipayPublicKey: readPublicKey(alipayPublicKey), signType })

/** Like `createVerifier`, with a key that is already parsed. */
export function verifierWith(verifier: Verifier): AlipayVerifier {
  return {
    verifyReturn: (query, options) => verdict('verifyReturn', verifyReturn(String(query), verifier, options)),
    verifyNotification: (body, contentType) =>
      verdict('verifyNotification', verifyNotification(body, contentType, verifier)),
  }
}
