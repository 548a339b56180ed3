/**
 * Signed pay links, fast. One shop's links differ only in their order and their time; everything else is joined and
 * encoded once, in a template, and reused for the next link.
 */

import { randomUUID } from 'node:crypto'
import { writeTime } from '@xuecheng/client-kit'
import { canonicalString } from './canonical.ts'
import { encodeForm } from './form.ts'
import { type Call, contentOf, parametersOf, type Signer } from './request.ts'
import { signText } from './sign.ts'

/** @throws what signing throws; nothing is sent */
export type MakeLink = (call: Call) => Promise<string>

interface Mould {
  readonly call: Call
  /** The canonical string around its two gaps: the content comes first, then the timestamp. */
  readonly parts: readonly string[]
  /** The address with everything except content, timestamp and signature. */
  readonly address: string
}

export function linkMaker(gateway: string, signer: Signer): MakeLink {
  let mould: Mould | undefined
  return async (call) => {
    if (!mould || !fits(mould, call)) mould = cast(gateway, signer, call)
    const { parts, address } = mould
    const content = contentOf(signer, call)
    const timestamp = writeTime(signer.clock())
    const canonical = `${parts[0]}${content}${parts[1]}${timestamp}${parts[2]}`
    const sign = await signText(canonical, signer.privateKey, signer.signType)
    return `${address}&timestamp=${encodeURIComponent(timestamp)}&biz_content=${encodeURIComponent(content.toWellFormed())}&sign=${encodeURIComponent(sign)}`
  }
}

const fits = ({ call }: Mould, { method, returnUrl, notifyUrl, extra }: Call): boolean =>
  call.method === method && call.returnUrl === returnUrl && call.notifyUrl === notifyUrl && call.extra === extra

/** Built by the same rules as any request, with markers in the two gaps that no value can contain. */
function cast(gateway: string, signer: Signer, call: Call): Mould {
  const [content, timestamp] = [randomUUID(), randomUUID()]
  const parameters = parametersOf(signer, call, content, timestamp)
  const [before = '', rest = ''] = canonicalString(parameters, []).split(content)
  const [between = '', after = ''] = rest.split(timestamp)
  parameters.delete('biz_content')
  parameters.delete('timestamp')
  return { call, parts: [before, between, after], address: `${gateway}?${encodeForm(parameters)}` }
}
