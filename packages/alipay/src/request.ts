/** Builds and signs a request's parameters (Alipay, "Common request parameters"). */

import type { KeyObject } from 'node:crypto'
import { writeTime } from '@xuecheng/client-kit'
import { canonicalString } from './canonical.ts'
import { encrypt } from './encryption.ts'
import { type SignType, signText } from './sign.ts'

export interface Signer {
  readonly appId: string
  readonly privateKey: KeyObject
  readonly signType: SignType
  readonly clock: () => Date
  /** Certificate mode: the serial numbers of the application's and the root certificates. */
  readonly certificates?: { readonly appCertSn: string; readonly alipayRootCertSn: string } | undefined
  /** If set, every `biz_content` is encrypted before it is signed. */
  readonly aesKey?: Buffer | undefined
}

export interface Call {
  readonly method: string
  /** JSON text; undefined for the few methods without `biz_content`. */
  readonly bizContent?: string | undefined
  readonly notifyUrl?: string | undefined
  readonly returnUrl?: string | undefined
  /** Further parameters next to `biz_content`. */
  readonly extra?: Readonly<Record<string, string>> | undefined
}

export interface SignedRequest {
  /** Every parameter, including `sign`. */
  readonly parameters: ReadonlyMap<string, string>
  /** What was signed. */
  readonly canonical: string
}

/** Every parameter of a call, including `sign`. */
export async function signedRequest(signer: Signer, call: Call): Promise<SignedRequest> {
  const parameters = parametersOf(signer, call, contentOf(signer, call), writeTime(signer.clock()))
  const canonical = canonicalString(parameters, ['sign'])
  parameters.set('sign', await signText(canonical, signer.privateKey, signer.signType))
  return { parameters, canonical }
}

/** `biz_content` as it is sent: encrypted if there is a key. */
export const contentOf = ({ aesKey }: Signer, { bizContent = '' }: Call): string =>
  aesKey && bizContent ? encrypt(bizContent, aesKey) : bizContent

/** The parameters to sign. Empty ones are left out: Alipay drops them before it verifies. */
export function parametersOf(signer: Signer, call: Call, content: string, timestamp: string): Map<string, string> {
  const { certificates, aesKey } = signer
  const parameters = new Map<string, string>()
  const put = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== '') parameters.set(name, value)
  }
  put('method', call.method)
  put('app_id', signer.appId)
  put('charset', 'utf-8')
  put('version', '1.0')
  put('sign_type', signer.signType)
  put('timestamp', timestamp)
  put('return_url', call.returnUrl)
  put('notify_url', call.notifyUrl)
  put('app_cert_sn', certificates?.appCertSn)
  put('alipay_root_cert_sn', certificates?.alipayRootCertSn)
  for (const name in call.extra) put(name, call.extra[name])
  put('encrypt_type', aesKey && content ? 'AES' : '')
  put('biz_content', content)
  return parameters
}
