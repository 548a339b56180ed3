import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTime } from '@xuecheng/client-kit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certSn, rootCertSn } from './certificates.ts'
import { createAlipay } from './client.ts'

/** The official SDK's calculation, with which every serial number here must agree. */
const official = createRequire(import.meta.url)(
  join(import.meta.dirname, '../../../node_modules/alipay-sdk/dist/commonjs/antcertutil.js'),
) as { getSN(pem: string | Buffer, isRoot?: boolean): string }

let folder = ''
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ec = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

/** A self-signed root, as text. */
function root(name: string, subject: string, key: KeyObject, serial: string): string {
  writeFileSync(join(folder, `${name}.key`), key.export({ type: 'pkcs8', format: 'pem' }))
  openssl(
    'req',
    '-x509',
    '-utf8',
    '-new',
    '-key',
    `${name}.key`,
    '-subj',
    subject,
    '-set_serial',
    serial,
    '-days',
    '9',
    '-out',
    `${name}.crt`,
  )
  return readFileSync(join(folder, `${name}.crt`), 'utf8')
}

function signedBy(issuer: string, name: string, subject: string, key: KeyObject, serial: string): string {
  writeFileSync(join(folder, `${name}.key`), key.export({ type: 'pkcs8', format: 'pem' }))
  openssl('req', '-new', '-utf8', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`)
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    `${issuer}.crt`,
    '-CAkey',
    `${issuer}.key`,
    '-set_serial',
    serial,
    '-days',
    '9',
    '-out',
    `${name}.crt`,
  )
  return readFileSync(join(folder, `${name}.crt`), 'utf8')
}

const keys = { app: rsa(), alipay: rsa() }
const made = { rsaRoot: '', secondRoot: '', ecRoot: '', app: '', alipay: '', byEc: '' }

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'alipay-certificates-'))
  const subject = '/C=CN/O=Ant Financial/OU=Certification Authority/CN=Ant Financial Certification Authority R1'
  made.rsaRoot = root('root1', subject, rsa(), '0x3b27c8e1a9')
  made.secondRoot = root(
    'root2',
    '/C=CN/ST=浙江/L=杭州/O=蚂蚁集团/CN=根证书/emailAddress=ca@example.com',
    rsa(),
    '0xf0aa11bb22cc33dd44ee55ff66778899',
  )
  made.ecRoot = root('root3', '/C=CN/O=Ant Financial/CN=ECC Root', ec(), '7')
  made.app = signedBy('root1', 'app', '/C=CN/O=学城/CN=2021001161683774', keys.app, '0x00ff00112233445566')
  made.alipay = signedBy('root2', 'alipay', '/C=CN/O=Ant/CN=alipay', keys.alipay, '0x8000000000000001')
  // An RSA key signed by an elliptic-curve root: the signature's algorithm counts, not the key's.
  made.byEc = signedBy('root3', 'by-ec', '/CN=by-ec', rsa(), '99')
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('serial numbers', () => {
  test('of single certificates equal those of the official SDK', () => {
    for (const certificate of [made.rsaRoot, made.secondRoot, made.ecRoot, made.app, made.alipay]) {
      expect(certSn(certificate)).toBe(official.getSN(certificate))
      expect(certSn(certificate)).toMatch(/^[0-9a-f]{32}$/)
    }
  })

  test('of a bundle: only RSA-signed certificates, in file order, ignoring everything between them', () => {
    const bundle = `# roots\n${made.ecRoot}\n${made.secondRoot}${made.byEc}\r\n\r\n${made.rsaRoot}`
    expect(rootCertSn(bundle)).toBe(`${certSn(made.secondRoot)}_${certSn(made.rsaRoot)}`)
    expect(rootCertSn(bundle)).toBe(official.getSN(bundle, true))
  })

  test('do not depend on line breaks', () => {
    const lost = made.app.replace(/\n/g, '')
    expect(certSn(lost)).toBe(certSn(made.app))
    expect(certSn(made.app.replace(/\n/g, '\r\n'))).toBe(certSn(made.app))
  })

  test('a bundle without RSA, a broken certificate and no certificate at all are refused', () => {
    expect(() => rootCertSn(made.ecRoot)).toThrow(expect.objectContaining({ code: 'UNREADABLE_CERTIFICATE' }))
    const der = new X509Certificate(made.app).raw
    for (const length of [1, 2, 5, 9, 40, 100]) {
      const cut = `-----BEGIN CERTIFICATE-----\n${der.subarray(0, length).toString('base64')}\n-----END CERTIFICATE-----`
      expect(() => certSn(cut)).toThrow(expect.objectContaining({ code: 'UNREADABLE_CERTIFICATE' }))
    }
    expect(() => certSn('no certificate')).toThrow(expect.objectContaining({ code: 'UNREADABLE_CERTIFICATE' }))
  })
})

describe('certificate mode', () => {
  const client = () =>
    createAlipay({
      appId: '2021001161683774',
      privateKey: keys.app,
      certificates: {
        appCert: made.app,
        alipayCert: `${made.alipay}${made.secondRoot}`,
        rootCert: made.rsaRoot + made.ecRoot,
      },
      gateway: 'http://127.0.0.1:9/gateway.do',
    })

  test('a request names both certificates, and they are signed', async () => {
    const url = new URL(await client().pagePayUrl({ outTradeNo: 'A1', totalAmount: 1, subject: 'x' }))
    expect(url.searchParams.get('app_cert_sn')).toBe(official.getSN(made.app))
    expect(url.searchParams.get('alipay_root_cert_sn')).toBe(official.getSN(made.rsaRoot + made.ecRoot, true))
    const { AlipaySdk } = await import('alipay-sdk')
    const sdk = new AlipaySdk({
      appId: '2021001161683774',
      keyType: 'PKCS8',
      privateKey: keys.app.export({ type: 'pkcs8', format: 'pem' }).toString(),
      appCertContent: made.app,
      alipayPublicCertContent: made.alipay,
      alipayRootCertContent: made.rsaRoot + made.ecRoot,
    })
    const theirs = new URL(sdk.pageExecute('alipay.trade.page.pay', 'GET', { bizContent: { out_trade_no: 'A1' } }))
    for (const name of ['app_cert_sn', 'alipay_root_cert_sn'])
      expect(url.searchParams.get(name)).toBe(theirs.searchParams.get(name))
  })

  test('a notification is verified by the key in the first certificate of the file', async () => {
    const { sign } = await import('node:crypto')
    const parameters: Record<string, string> = {
      app_id: '2021001161683774',
      charset: 'utf-8',
      notify_id: 'n',
      notify_time: writeTime(new Date()),
      out_trade_no: 'A1',
      total_amount: '0.01',
      trade_no: 'T1',
      trade_status: 'TRADE_SUCCESS',
    }
    const content = Object.entries(parameters)
      .map(([name, value]) => `${name}=${value}`)
      .join('&')
    const body = new URLSearchParams({
      ...parameters,
      alipay_cert_sn: certSn(made.alipay),
      sign_type: 'RSA2',
      sign: sign('RSA-SHA256', Buffer.from(content), keys.alipay).toString('base64'),
    }).toString()
    const read = await client().verifyNotification(body, 'application/x-www-form-urlencoded')
    expect(read).toMatchObject({ ok: true, canonical: content })
    expect(read.parameters?.has('alipay_cert_sn')).toBe(false) // not covered by this signature, so not trusted
  })

  test("an application's certificate that does not match its key is refused, and so is Alipay's in the wrong option", () => {
    const files = { appCert: made.app, alipayCert: made.alipay, rootCert: made.rsaRoot }
    const make = (certificates: typeof files) => () =>
      createAlipay({ appId: '1', privateKey: keys.app, certificates, gateway: 'http://127.0.0.1:9/' })
    expect(make({ ...files, appCert: made.alipay })).toThrow(expect.objectContaining({ code: 'APP_CERT_MISMATCH' }))
    expect(make({ ...files, alipayCert: made.app })).toThrow(expect.objectContaining({ code: 'OWN_PUBLIC_KEY_GIVEN' }))
    expect(make({ ...files, alipayCert: made.ecRoot })).toThrow(expect.objectContaining({ code: 'NOT_RSA' }))
    expect(make({ ...files, rootCert: made.ecRoot })).toThrow(
      expect.objectContaining({ code: 'UNREADABLE_CERTIFICATE' }),
    )
  })
})
