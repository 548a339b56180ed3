/** Explanations of refused notifications: each usual accident is named, and the message stays refused. */
import { createSign } from 'node:crypto'
import { expect, test } from 'vitest'
import { formOf, newPair, payment, signedForm } from '../test/alipay-side.ts'
import { verifyNotification } from './notification.ts'

const alipay = newPair()
const verifier = { alipayPublicKey: alipay.publicKey, signType: 'RSA2' } as const
const explain = async (body: string): Promise<string> => {
  const read = await verifyNotification(body, 'application/x-www-form-urlencoded', verifier)
  if (read.ok) throw new Error('must be refused')
  expect(read.code).toBe('SIGN_MISMATCH')
  return read.message
}
const signed = Object.fromEntries(
  new URLSearchParams(signedForm(payment({ body: 'a "b" <c>', subject: '课 程' }), alipay.privateKey)),
)
const changed = (change: (value: string) => string) =>
  formOf(
    Object.fromEntries(Object.entries(signed).map(([name, value]) => [name, name === 'sign' ? value : change(value)])),
  )

const accidents: Readonly<Record<string, readonly [said: RegExp, body: string]>> = {
  'escaped for HTML on the way': [
    /HTML/,
    changed((value) => value.replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')),
  ],
  'its spaces left as + by a decoder': [/spaces arrived as \+/, changed((value) => value.replaceAll(' ', '+'))],
  'line breaks added': [/cut or added/, formOf({ ...signed, subject: '课 程\r\n', body: ' a "b" <c>' })],
  'signed with SHA-1': [/SHA-1/, signedForm(payment(), alipay.privateKey, { algorithm: 'RSA-SHA1' })],
  'signed with sign_type included, as other products do': [/another product/, withSignTypeSigned()],
  'another key': [/another key/, signedForm(payment(), newPair().privateKey)],
  'an amount that was changed': [/changed on the way/, formOf({ ...signed, total_amount: '0.01' })],
}

for (const [what, [said, body]] of Object.entries(accidents)) {
  test(what, async () => {
    const message = await explain(body)
    expect(message).toMatch(said)
    expect(message).toMatch(/key [0-9a-f]{16}/)
  })
}

function withSignTypeSigned(): string {
  const parameters = payment()
  const content = Object.keys(parameters)
    .sort()
    .map((name) => `${name}=${parameters[name]}`)
    .join('&')
  return formOf({ ...parameters, sign: createSign('RSA-SHA256').update(content).sign(alipay.privateKey, 'base64') })
}
