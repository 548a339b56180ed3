/** Advice for a rejected signature: what was signed, with which key, and the most likely mistake. */
import { fingerprint } from '@xuecheng/client-kit'
import type { AnswerReader } from './answer.ts'
import type { Post } from './post.ts'
import type { Signer } from './request.ts'

interface Transport extends Signer, AnswerReader, Pick<Post, 'gateway'> {
  readonly alipayCertSn?: string | undefined
}

/** When the gateway rejected our signature. */
export function adviceFor(subCode: string, transport: Transport, canonical: string): string {
  const { host } = new URL(transport.gateway)
  if (subCode === 'isv.invalid-signature') {
    return [
      `Signed with ${transport.signType} by the key whose public half has the fingerprint ${short(transport.privateKey)}:`,
      canonical,
      `Most likely the public key uploaded for ${transport.appId} at ${host} does not belong to this private key: it may be another application's, or the sandbox's in place of the real gateway's.`,
    ].join('\n')
  }
  if (subCode === 'isv.invalid-app-id') {
    return `The application ${transport.appId} is not known at ${host}: is it a sandbox application used at the real gateway, or the other way round?`
  }
  return ''
}

/** When an answer of the gateway fails verification. */
export function adviceOnAnswer(
  answer: { readonly why: string; readonly signed?: string; readonly alipayCertSn?: string },
  transport: Transport,
): string {
  const { alipayCertSn } = transport
  const renewed =
    answer.alipayCertSn !== undefined && alipayCertSn !== undefined && answer.alipayCertSn !== alipayCertSn
  return [
    answer.why,
    `The configured Alipay public key has the fingerprint ${short(transport.alipayPublicKey)}.`,
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
