/** Messages made and signed by Alipay's own sandbox: each verifies, and with any character changed it does not. */
import { readPublicKey } from '@xuecheng/client-kit'
import { describe, expect, test } from 'vitest'
import { formOf } from '../test/alipay-side.ts'
import answers from '../test/fixtures/answers.json' with { type: 'json' }
import notification from '../test/fixtures/notification.json' with { type: 'json' }
import return2022 from '../test/fixtures/return-2022.json' with { type: 'json' }
import return2023 from '../test/fixtures/return-2023.json' with { type: 'json' }
import { readAnswer } from './answer.ts'
import { verifyNotification } from './notification.ts'
import { verifyReturn } from './return.ts'

const verifierOf = (key: string) => ({ alipayPublicKey: readPublicKey(key), signType: 'RSA2' }) as const
const FORM = 'application/x-www-form-urlencoded; charset=utf-8'

describe('the return of 2022-06-09', () => {
  const verifier = verifierOf(return2022.alipayPublicKey)

  test('verifies, and every field is read', async () => {
    expect(await verifyReturn(return2022.query, verifier)).toMatchObject({
      ok: true,
      appId: '2021000120612450',
      sellerId: '2088621959339670',
      outTradeNo: 'ffb82dd39bf043808c311b4ae983d9ec',
      tradeNo: '2022060922001441860503213387',
      totalAmount: 3900,
      timestamp: new Date('2022-06-09T03:50:44Z'),
    })
  })

  test("verifies with a whole address, with a fragment, and with the shop's own parameters", async () => {
    const own = 'from=mail&tag=a&tag=b&%=%&name=%C4%E3&empty'
    for (const query of [
      `?${return2022.query}`,
      `https://shop.example/pay/success?${own}&${return2022.query}#top`,
      `${return2022.query}&${own}`,
    ])
      expect(await verifyReturn(query, verifier)).toMatchObject({ ok: true, totalAmount: 3900 })
  })

  const parameters = Object.fromEntries(new URLSearchParams(return2022.query))
  for (const name of Object.keys(parameters)) {
    test(`does not verify with any one character of ${name} changed`, async () => {
      const value = parameters[name] ?? ''
      expect(value).not.toBe('')
      for (let at = 0; at < value.length; at += 1) {
        const changed = value.slice(0, at) + otherThan(value[at]) + value.slice(at + 1)
        const read = await verifyReturn(formOf({ ...parameters, [name]: changed }), verifier)
        expect(read.ok, `${name} at ${at}`).toBe(false)
        if (name === 'sign_type') expect(read).toMatchObject({ code: 'SIGN_TYPE_MISMATCH' })
      }
    })

    test(`does not verify without ${name}, or with it extended`, async () => {
      const { [name]: _, ...without } = parameters
      expect((await verifyReturn(formOf(without), verifier)).ok).toBe(false)
      expect((await verifyReturn(formOf({ ...parameters, [name]: `${parameters[name]}0` }), verifier)).ok).toBe(false)
      expect(await verifyReturn(`${return2022.query}&${name}=x`, verifier)).toMatchObject({
        code: 'REPEATED_PARAMETER',
      })
    })
  }
})

test('the return of 2023-12-21 verifies, over the documented string', async () => {
  const query = new URLSearchParams(return2023.parameters as [string, string][]).toString()
  const read = await verifyReturn(query, verifierOf(return2023.alipayPublicKey))
  expect(read).toMatchObject({ ok: true, totalAmount: 1, canonical: return2023.canonical })
})

describe('the notification of 2023-12-21', () => {
  const verifier = verifierOf(notification.alipayPublicKey)
  const parameters: Record<string, string> = Object.fromEntries(notification.parameters)

  test('verifies, its subject with plus, space and Chinese', async () => {
    const read = await verifyNotification(formOf(parameters), FORM, verifier)
    expect(read).toMatchObject({
      ok: true,
      notifyId: '2023122101222162644199160501632046',
      outTradeNo: '1703147160',
      tradeNo: '2023122122001499160501589436',
      tradeStatus: 'TRADE_SUCCESS',
      totalAmount: 1,
      sellerId: '2088721003899159',
      gmtPayment: new Date('2023-12-21T08:26:43Z'),
      refundFee: undefined,
    })
    expect(read.parameters?.get('subject')).toBe('yansongda+测试 - 1')
  })

  test('verifies in any order', async () => {
    const turned = Object.fromEntries(Object.entries(parameters).reverse())
    expect(await verifyNotification(Buffer.from(formOf(turned)), FORM, verifier)).toMatchObject({ ok: true })
  })

  for (const name of Object.keys(parameters)) {
    test(`does not verify with ${name} changed`, async () => {
      const value = parameters[name] ?? ''
      for (const at of new Set([0, Math.floor(value.length / 2), value.length - 1])) {
        const changed = value.slice(0, at) + otherThan(value[at]) + value.slice(at + 1)
        expect((await verifyNotification(formOf({ ...parameters, [name]: changed }), FORM, verifier)).ok).toBe(false)
      }
    })
  }
})

describe('the answers of 2023-12', () => {
  const verifier = verifierOf(answers.alipayPublicKey)
  for (const { method, node, sign } of answers.answers) {
    const name = `${method.replaceAll('.', '_')}_response`
    const bodies = {
      'sign after the node': `{"${name}":${node},"sign":"${sign}"}`,
      'sign before it': `{"sign":"${sign}","${name}":${node}}`,
      'the certificate between them': `{"${name}":${node},"alipay_cert_sn":"6f1e366a31d9575cd546914add04f4af","sign":"${sign}"}`,
      'surrounding white space': ` {\n\t"${name}" : ${node} ,\r\n "sign" : "${sign}" } \n`,
    }
    for (const [how, body] of Object.entries(bodies)) {
      test(`${method} verifies, ${how}`, async () => {
        const read = await readAnswer(Buffer.from(body), 'text/html;charset=utf-8', method, verifier)
        expect(read).toMatchObject({ kind: 'answer', verified: true, signed: node, fields: { code: '10000' } })
      })
    }

    test(`${method} does not verify with any one character of it changed`, async () => {
      const body = `{"${name}":${node},"sign":"${sign}"}`
      const start = body.indexOf(node)
      for (let at = start; at < start + node.length; at += 1) {
        const changed = body.slice(0, at) + otherThan(body[at]) + body.slice(at + 1)
        const read = await readAnswer(Buffer.from(changed), 'text/html;charset=utf-8', method, verifier)
        expect(read.kind === 'answer' && read.verified, `at ${at}`).toBe(false)
      }
    })
  }

  test('an answer to one method is not accepted for another', async () => {
    const [{ node, sign } = { node: '', sign: '' }] = answers.answers
    const body = Buffer.from(`{"alipay_trade_query_response":${node},"sign":"${sign}"}`)
    expect(await readAnswer(body, null, 'alipay.trade.close', verifier)).toMatchObject({ kind: 'untrusted' })
  })
})

const otherThan = (character: string | undefined): string => (character === '7' ? '8' : '7')
