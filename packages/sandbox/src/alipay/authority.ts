/**
 * The sandbox's own certificate authority: created for the first merchant in certificate mode, stored in the data
 * folder.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { certificateSn, issueCertificate, type Name, rootSn } from '../core/certificates/certificate.ts'
import { generateKeys, readPrivateKey } from '../core/keys.ts'
import type { Settings } from '../core/storage/settings.ts'
import { DAY } from '../core/time.ts'

/** The three files that a merchant downloads, and the names that Alipay gives them. */
export interface Certificates {
  readonly appCert: string
  readonly alipayCert: string
  readonly rootCert: string
  readonly appCertSn: string
  readonly alipayCertSn: string
  readonly rootCertSn: string
  /** When the application's certificate expires, in milliseconds. */
  readonly appCertUntil: number
}

interface Authority {
  readonly key: string
  readonly root: string
}

const ISSUER: Name = {
  country: 'CN',
  organization: 'Xuecheng Sandbox',
  unit: 'Certification Authority',
  commonName: 'Xuecheng Sandbox Certification Authority Class 2 R1',
}
const SECOND_ROOT: Name = { ...ISSUER, commonName: 'Xuecheng Sandbox Certification Authority E1' }
const YEARS = 365 * DAY

/** Certificates for a merchant's application key and for the Alipay key it verifies with; five years from `now`. */
export async function issueFor(
  settings: Settings,
  appId: string,
  appKey: KeyObject,
  alipayKey: KeyObject,
  now: number,
): Promise<Certificates> {
  const authority = readAuthority(settings) ?? (await createAuthority(settings, now))
  const issuerKey = readPrivateKey(authority.key)
  const until = now + 5 * YEARS
  const issue = (commonName: string, publicKey: KeyObject) =>
    issueCertificate({
      subject: { ...ISSUER, unit: 'Sandbox', commonName },
      issuer: ISSUER,
      publicKey,
      issuerKey,
      from: now - DAY,
      until,
      authority: false,
    })
  const appCert = issue(appId, appKey)
  const alipayCert = issue(`Alipay sandbox for ${appId}`, createPublicKey(alipayKey))
  return {
    appCert,
    alipayCert,
    rootCert: authority.root,
    appCertSn: certificateSn(appCert),
    alipayCertSn: certificateSn(alipayCert),
    rootCertSn: rootSn(authority.root),
    appCertUntil: until,
  }
}

function readAuthority(settings: Settings): Authority | undefined {
  const text = settings.read('authority')
  return text === undefined ? undefined : (JSON.parse(text) as Authority)
}

/**
 * The root bundle has an ECDSA root next to the RSA one, as Alipay's does: clients must leave it out of
 * `alipay_root_cert_sn`.
 */
async function createAuthority(settings: Settings, now: number): Promise<Authority> {
  const { privateKey } = await generateKeys()
  const elliptic = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const selfSigned = (name: Name, key: KeyObject) =>
    issueCertificate({
      subject: name,
      issuer: name,
      publicKey: createPublicKey(key),
      issuerKey: key,
      from: now - DAY,
      until: now + 20 * YEARS,
      authority: true,
    })
  const rsaRoot = selfSigned(ISSUER, readPrivateKey(privateKey))
  const ecRoot = selfSigned(SECOND_ROOT, createPrivateKey(elliptic.privateKey.export({ type: 'pkcs8', format: 'pem' })))
  const authority = { key: privateKey, root: `${rsaRoot}\n${ecRoot}` }
  settings.write('authority', JSON.stringify(authority))
  return authority
}
