/** Answers: the signed text is found whatever surrounds it or is inside it, and nothing else is trusted. */
import { createSign } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newPair, signedAnswer } from '../test/alipay-side.ts'
import { encodeGbk, gbkCharacters } from '../test/gbk.ts'
import { readAnswer } from './answer.ts'

const METHOD = 'alipay.trade.query'
const NODE = 'alipay_trade_query_response'
const alipay = newPair()
const verifier = { alipayPublicKey: alipay.publicKey, signType: 'RSA2' } as const
const signOf = (content: string | Buffer, key = alipay.privateKey) =>
  createSign('RSA-SHA256').update(content).sign(key, 'base64')
const read = (body: string | Buffer, contentType: string | null = 'text/html;charset=utf-8') =>
  readAnswer(Buffer.from(body), contentType, METHOD, verifier)
const node = '{"code":"10000","msg":"Success","out_trade_no":"N1"}'

describe('verifies', () => {
  const nodes: Readonly<Record<string, string>> = {
    'braces, brackets and quotes inside strings': '{"code":"10000","msg":"}{][\\"}\\\\","a":{"b":["}",{"c":"]"}]}}',
    'a backslash before the last quote': '{"code":"10000","msg":"a\\\\"}',
    'a member named like the node inside the node': `{"code":"10000","${NODE}":{"code":"40004"},"sign":"x"}`,
    'white space inside the node': '{ "code" : "10000" ,\n "msg" : "Success" }',
    'escaped letters in a name': '{"\\u0063ode":"10000"}',
    'letters beyond the first plane': '{"code":"10000","msg":"学城 𠮷 😀"}',
    'numbers where text is usual': '{"code":10000}',
  }
  for (const [what, text] of Object.entries(nodes)) {
    test(what, async () => {
      const body = signedAnswer(METHOD, text, alipay.privateKey)
      expect(await read(body)).toMatchObject({
        kind: 'answer',
        verified: true,
        signed: text,
        fields: { code: '10000' },
      })
    })
  }

  test('the node written with an escape in its name', async () => {
    const body = `{"alipay_tr\\u0061de_query_response":${node},"sign":"${signOf(node)}"}`
    expect(await read(body)).toMatchObject({ kind: 'answer', verified: true })
  })

  test('other members of any kind around it', async () => {
    const body = `{"a":[1,{"sign":"x"}],"sign":"${signOf(node)}","b":null,"${NODE}":${node},"c":"}"}`
    expect(await read(body)).toMatchObject({ kind: 'answer', verified: true, signed: node })
  })

  test('an error_response, which some refusals come in', async () => {
    const refusal = '{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-method"}'
    const body = `{"error_response":${refusal},"sign":"${signOf(refusal)}"}`
    expect(await read(body)).toMatchObject({ verified: true, fields: { subCode: 'isv.invalid-method' } })
  })

  test('a slash that was signed unescaped but sent escaped', async () => {
    const body = `{"${NODE}":{"code":"10000","url":"https:\\/\\/a"},"sign":"${signOf('{"code":"10000","url":"https://a"}')}"}`
    expect(await read(body)).toMatchObject({ verified: true, fields: { values: { url: 'https://a' } } })
  })
})

describe('does not trust', () => {
  const signedPlain = signOf('{"code":"10000","url":"a\\/b"}')
  const other = newPair()
  const cases: Readonly<Record<string, string | Buffer>> = {
    "another key's signature": signedAnswer(METHOD, node, other.privateKey),
    'the node twice': `{"${NODE}":${node},"${NODE}":{"code":"10000"},"sign":"${signOf(node)}"}`,
    'the node twice, the second one signed': `{"${NODE}":{"code":"40004"},"${NODE}":${node},"sign":"${signOf(node)}"}`,
    'the node twice, once with an escape in its name': `{"${NODE}":${node},"alipay_tr\\u0061de_query_response":{"code":"10000"},"sign":"${signOf(node)}"}`,
    'a signature that is not base64': `{"${NODE}":${node},"sign":"?"}`,
    'a signature that is not a string': `{"${NODE}":${node},"sign":["${signOf(node)}"]}`,
    'a backslash put before an escaped slash': `{"${NODE}":{"code":"10000","url":"a\\\\/b"},"sign":"${signedPlain}"}`,
    'the signed node inside another': `{"x":{"${NODE}":${node}},"${NODE}":{"code":"10000","a":1},"sign":"${signOf(node)}"}`,
    'no node': `{"sign":"${signOf(node)}"}`,
    'a node that is an array': `{"${NODE}":[1],"sign":"${signOf('[1]')}"}`,
    'a node that is null': `{"${NODE}":null,"sign":"${signOf('null')}"}`,
    'a node that is text, without a key to decrypt it': `{"${NODE}":"abc","sign":"${signOf('"abc"')}"}`,
    'an array': `[${node}]`,
    'no JSON': '<html>busy</html>',
    nothing: '',
    'JSON cut short': signedAnswer(METHOD, node, alipay.privateKey).subarray(0, 60),
    'something after the JSON': `${signedAnswer(METHOD, node, alipay.privateKey)}x`,
    'a name that only exists on Object.prototype': '{"a":1}',
  }
  for (const [what, body] of Object.entries(cases)) {
    test(what, async () => expect(await read(body)).toMatchObject({ kind: 'untrusted' }))
  }

  test('a method named like a property of Object.prototype', async () => {
    expect(await readAnswer(Buffer.from('{}'), null, '__proto__', verifier)).toMatchObject({ kind: 'untrusted' })
  })

  test('an answer without a signature is read as unverified', async () => {
    const refusal = '{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-app-id"}'
    for (const sign of ['', ',"sign":""', ',"sign":null'])
      expect(await read(`{"${NODE}":${refusal}${sign}}`)).toMatchObject({ kind: 'answer', verified: false })
  })
})

describe('GBK', () => {
  const busy =
    '{"code":"20000","msg":"Service Currently Unavailable","sub_code":"aop.unknow-error","sub_msg":"系统繁忙"}'
  for (const contentType of ['text/html;charset=utf-8', 'text/html; charset=GBK', null]) {
    test(`is read where the header says ${contentType}`, async () => {
      const body = signedAnswer(METHOD, busy, alipay.privateKey, encodeGbk as typeof Buffer.from)
      expect(await read(body, contentType)).toMatchObject({ verified: true, fields: { subMsg: '系统繁忙' } })
    })
  }

  test('verifies the raw bytes for every GBK character, also those whose second byte is { } or \\', async () => {
    for (let at = 0; at < gbkCharacters.length; at += 1000) {
      const text = JSON.stringify({ code: '20000', sub_msg: gbkCharacters.slice(at, at + 1000).join('') })
      const body = signedAnswer(METHOD, text, alipay.privateKey, encodeGbk as typeof Buffer.from)
      expect(await read(body, 'text/html;charset=GBK')).toMatchObject({ verified: true, signed: text })
    }
  })
})

test('any answer of Alipay verifies, and with any one byte changed it does not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      fc.nat(),
      fc.boolean(),
      async (fields, at, slashes) => {
        const json = JSON.stringify({ code: '10000', ...fields })
        const text = slashes ? json.replaceAll('/', '\\/') : json
        const body = signedAnswer(METHOD, text, alipay.privateKey)
        expect(await read(body)).toMatchObject({ kind: 'answer', verified: true, signed: text })
        const start = NODE.length + 4
        const changed = Buffer.from(body)
        const index = start + (at % Buffer.byteLength(text))
        changed.writeUInt8(changed.readUInt8(index) ^ 1, index)
        const reread = await read(changed)
        expect(reread.kind === 'answer' && reread.verified).toBe(false)
      },
    ),
    { numRuns: 200 },
  )
})

test('a large answer takes time in proportion to its size', async () => {
  const text = JSON.stringify({ code: '10000', list: Array.from({ length: 40_000 }, () => '}{"\\ 学') })
  const body = signedAnswer(METHOD, text, alipay.privateKey)
  expect(body.length).toBeGreaterThan(500_000)
  const started = performance.now()
  expect(await read(body)).toMatchObject({ verified: true })
  expect(await read(body.toString('latin1'), 'text/html;charset=GBK')).toMatchObject({ kind: 'untrusted' })
  expect(performance.now() - started).toBeLessThan(3000)
})
