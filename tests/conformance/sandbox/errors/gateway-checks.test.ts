/** The gateway’s own checks of a call, in their order; and certificate mode. */
import { beforeAll, describe, expect, test } from 'vitest'
import { type HandCall, signed, takeApart } from '../hand.ts'
import { call, type TestMerchant } from '../rig.ts'
import { merchant, query, sandbox, send } from './rig.ts'

describe('the gateway’s own checks, in their order', () => {
  const unknownApp = { app_id: '9021000000000000' }
  test.each<[string, string, boolean, HandCall]>([
    ['40001', 'isv.missing-app-id', false, { ...query, change: { app_id: undefined } }],
    ['40002', 'isv.invalid-app-id', false, { ...query, change: unknownApp }],
    ['40002', 'isv.invalid-app-id', false, { ...query, change: unknownApp, afterwards: { sign: undefined } }],
    ['40002', 'isv.invalid-charset', true, { ...query, change: { charset: 'latin-9' } }],
    ['40001', 'isv.missing-signature', true, { ...query, afterwards: { sign: undefined } }],
    ['40001', 'isv.missing-signature-type', true, { ...query, change: { sign_type: undefined } }],
    ['40002', 'isv.invalid-signature-type', true, { ...query, change: { sign_type: 'MD5' } }],
    ['40002', 'isv.invalid-signature', true, { ...query, afterwards: { sign: 'AAAA' } }],
    ['40002', 'isv.invalid-signature', true, { ...query, afterwards: { sign: '不是base64' } }],
    ['40002', 'isv.invalid-signature', true, { ...query, afterwards: { notify_url: 'http://added.example' } }],
    ['40002', 'isv.invalid-signature', true, { ...query, digest: 'sha1' }],
    ['40001', 'isv.missing-version', true, { ...query, change: { version: undefined } }],
    ['40002', 'isv.invalid-parameter', true, { ...query, change: { version: '2.0' } }],
    ['40001', 'isv.missing-timestamp', true, { ...query, change: { timestamp: undefined } }],
    ['40002', 'isv.invalid-timestamp', true, { ...query, change: { timestamp: '2026-02-30 10:00:00' } }],
    ['40002', 'isv.invalid-format', true, { ...query, change: { format: 'XML' } }],
    ['20001', 'aop.invalid-app-auth-token', true, { ...query, change: { app_auth_token: '201501BBAA' } }],
    ['20001', 'aop.invalid-auth-token', true, { ...query, change: { auth_token: 'x' } }],
    ['40002', 'isv.illegal-json', true, { ...query, content: '{"out_trade_no":' }],
    ['40002', 'isv.illegal-json', true, { ...query, content: '["NONE"]' }],
    ['40002', 'isv.invalid-method', true, { method: 'alipay.no.such.method', content: {} }],
    ['40002', 'isv.invalid-method', true, { method: '__proto__', content: {} }],
    ['40002', 'isv.invalid-encrypt-type', true, { ...query, change: { encrypt_type: 'DES' } }],
    [
      '40002',
      'isv.decryption-error-unknown',
      true,
      { ...query, content: 'AAAAAAAAAAAAAAAAAAAAAA==', change: { encrypt_type: 'AES' } },
    ],
    ['40001', 'isv.decryption-error-missing-encrypt-type', true, { ...query, content: 'AAAAAAAAAAAAAAAAAAAAAA==' }],
  ])('%s %s (signed: %s)', async (code, subCode, isSigned, hand) => {
    const answer = await send(hand)
    expect(answer).toMatchObject({
      status: 200,
      type: 'text/html;charset=utf-8',
      signed: isSigned,
      node: { code, sub_code: subCode },
    })
    expect(Object.keys(answer.node).slice(0, 4)).toEqual(['code', 'msg', 'sub_code', 'sub_msg'])
  })

  test('RSA with SHA-1 is a signature too, where the call says so', async () => {
    expect((await send({ ...query, digest: 'sha1', change: { sign_type: 'RSA' } })).node).toMatchObject({
      sub_code: 'ACQ.TRADE_NOT_EXIST',
    })
  })

  test('a refused signature quotes the string the gateway built', async () => {
    const { node } = await send({ ...query, afterwards: { sign: 'AAAA' } })
    expect(node['sub_msg']).toBe(
      `验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：app_id=${merchant.appId}&amp;biz_content={"out_trade_no":"NONE"}&amp;charset=utf-8&amp;method=alipay.trade.query&amp;sign_type=RSA2&amp;timestamp=2026-11-23 10:00:00&amp;version=1.0`,
    )
  })

  test('an application without its key uploaded', async () => {
    await call(sandbox.url, 'PUT', '/merchants/9021000100000077', {})
    const answer = await send({ ...query, change: { app_id: '9021000100000077' } })
    expect(answer).toMatchObject({ signed: true, node: { code: '40003', sub_code: 'isv.missing-signature-config' } })
  })

  test('without a charset in the address the body is read as GBK, and the refusal says what helps', async () => {
    const parameters = signed(merchant, { ...query, content: { out_trade_no: '中文' } })
    const response = await fetch(`${sandbox.url}/gateway.do`, { method: 'POST', body: parameters })
    const text = new TextDecoder('gbk').decode(await response.arrayBuffer())
    expect(text).toContain('isv.invalid-signature')
    expect(text).toContain('charset参数放到请求URL')
    const inQuery = await fetch(`${sandbox.url}/gateway.do?charset=utf-8`, { method: 'POST', body: parameters })
    expect((await takeApart(inQuery)).node).toMatchObject({ sub_code: 'ACQ.TRADE_NOT_EXIST', out_trade_no: '中文' })
  })
})

describe('certificate mode', () => {
  let certified: TestMerchant & {
    certificates: { appCertSn: string; rootCertSn: string; alipayCert: string; alipayCertSn: string }
  }
  beforeAll(async () => {
    certified = await call(sandbox.url, 'POST', '/merchants', { keyMode: 'cert' })
  })
  const withSns = (change: HandCall['change'], content: unknown = query.content, method = query.method) =>
    send(
      {
        method,
        content,
        change: {
          app_cert_sn: certified.certificates.appCertSn,
          alipay_root_cert_sn: certified.certificates.rootCertSn,
          ...change,
        },
      },
      certified,
    )

  test.each([
    ['isv.missing-app-cert-sn', { app_cert_sn: undefined }],
    ['isv.missing-alipay-root-cert-sn', { alipay_root_cert_sn: undefined }],
    [
      'isv.invalid-alipay-root-cert-sn',
      { alipay_root_cert_sn: '687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6' },
    ],
    ['isv.app-cert-not-exist', { app_cert_sn: '866efef280dec9137a87d047ac446315' }],
    ['ACQ.TRADE_NOT_EXIST', {}],
  ])('%s', async (subCode, change) => {
    const answer = await withSns(change)
    expect(answer.node).toMatchObject({ sub_code: subCode })
    expect(answer.text).toContain(`},"alipay_cert_sn":"${certified.certificates.alipayCertSn}","sign":"`)
  })

  test('Alipay’s certificate can be fetched by its number', async () => {
    const { node } = await withSns(
      {},
      { alipay_cert_sn: certified.certificates.alipayCertSn },
      'alipay.open.app.alipaycert.download',
    )
    expect(Buffer.from(node['alipay_cert_content'] ?? '', 'base64').toString()).toBe(certified.certificates.alipayCert)
    const wrong = await withSns({}, { alipay_cert_sn: '0' }, 'alipay.open.app.alipaycert.download')
    expect(wrong.node).toMatchObject({ sub_code: 'isv.alipay-cert-not-exist' })
  })
})
