/** A request's parameters (Alipay, "Common request parameters"), signed. */
import type { KeyObject } from 'node:crypto'
import { type SignType, sign } from './sign.ts'
import { writeTime } from './timestamp.ts'

export interface Signer {
  readonly appId: string
  readonly privateKey: KeyObject
  readonly signType: SignType
  readonly clock: () => Date
  /** Certificate mode: the serial numbers of the application's and the root certificates. */
  readonly certificates?: { readonly appCertSn: string; readonly alipayRootCertSn: string } | undefined
}

export interface Call {
  readonly method: string
  readonly bizContent: string
  readonly notifyUrl?: string | undefined
  readonly returnUrl?: string | undefined
  readonly extra?: Readonly<Record<string, string>> | undefined
}

/** Every parameter of a call, `sign` last. Empty ones are left out: Alipay drops them before it verifies. */
export async function signedRequest(signer: Signer, call: Call): Promise<Map<string, string>> {
  const { certificates } = signer
  const parameters = new Map(
    Object.entries({
      method: call.method,
      app_id: signer.appId,
      charset: 'utf-8',
      version: '1.0',
      sign_type: signer.signType,
      timestamp: writeTime(signer.clock()),
      return_url: call.returnUrl ?? '',
      notify_url: call.notifyUrl ?? '',
      app_cert_sn: certificates?.appCertSn ?? '',
      alipay_root_cert_sn: certificates?.alipayRootCertSn ?? '',
      ...call.extra,
      biz_content: call.bizContent,
    }).filter(([, value]) => value !== ''),
  )
  return parameters.set('sign', await sign(parameters, signer.privateKey, signer.signType))
}
