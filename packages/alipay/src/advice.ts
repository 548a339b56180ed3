/** When a signature is refused: what was signed, with which key, and what is most likely wrong. */
import { fingerprint } from '@xuecheng/client-kit'
import type { Transport } from './execute.ts'

/** For a refusal by the gateway. */
export function adviceFor(subCode: string, transport: Transport, canonical: string): string {
  const { host } = new URL(transport.gateway)
  if (subCode === 'isv.invalid-signature') {
    return [
      `Signed with ${transport.signType} by the key whose public half has the fingerprint ${short(transport.privateKey)}:`,
      canonical,
      `Most likely the public key uploaded for ${transport.appId} at ${host} is not the pair of this private key: another application's, or the sandbox's for the real gateway.`,
    ].join('\n')
  }
  if (subCode === 'isv.invalid-app-id') {
    return `The application ${transport.appId} is not known at ${host}: is it a sandbox application on the real gateway, or the other way?`
  }
  return ''
}

/** For an answer that is not believed. */
export function adviceOnAnswer(
  answer: { readonly why: string; readonly signed?: string; readonly alipayCertSn?: string },
  transport: Transport,
): string {
  const { alipayCertSn } = transport
  const renewed =
    answer.alipayCertSn !== undefined && alipayCertSn !== undefined && answer.alipayCertSn !== alipayCertSn
  return [
    answer.why,
    `Alipay's key here has the fingerprint ${short(transport.alipayPublicKey)}.`,
    ...(renewed ? [`The answer names another certificate (${answer.alipayCertSn}): download Alipay's new one.`] : []),
    ...(answer.signed === undefined
      ? []
      : [
          `Is it the key that the console shows for ${transport.appId} at ${new URL(transport.gateway).host}, and not the application's own? The signature was checked over:`,
          answer.signed.slice(0, 2000),
        ]),
  ].join('\n')
}

const short = (key: Transport['privateKey']): string => fingerprint(key).slice(0, 16)
