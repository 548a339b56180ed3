/** Certificate mode: the serial numbers that requests carry (Alipay, "Certificate mode: SN"), and the key inside. */

import { createHash, type KeyObject, X509Certificate } from 'node:crypto'
import { KeyError, sameKey } from '@xuecheng/client-kit'

/** The three files of certificate mode, as text. */
export interface CertificateFiles {
  /** `appCertPublicKey_<app id>.crt` */
  readonly appCert: string
  /** `alipayCertPublicKey_RSA2.crt` */
  readonly alipayCert: string
  /** `alipayRootCert.crt`: several certificates, in the order of the file. */
  readonly rootCert: string
}

export interface Certificates {
  readonly appCertSn: string
  readonly alipayRootCertSn: string
  readonly alipayCertSn: string
  readonly alipayPublicKey: KeyObject
}

/** @throws KeyError when a file is not a certificate, or the application's does not match its private key */
export function readCertificates(files: CertificateFiles, privateKey: KeyObject): Certificates {
  const [app, alipay] = [firstOf(files.appCert, 'app'), firstOf(files.alipayCert, 'Alipay')]
  if (!sameKey(parse(app, 'app').publicKey, privateKey)) {
    throw new KeyError(
      'APP_CERT_MISMATCH',
      "The application's certificate does not belong to this private key; it may be another application's.",
    )
  }
  const { publicKey } = parse(alipay, 'Alipay')
  if (publicKey.asymmetricKeyType !== 'rsa') throw new KeyError('NOT_RSA', "Alipay's certificate holds no RSA key.")
  if (sameKey(publicKey, privateKey)) {
    throw new KeyError('OWN_PUBLIC_KEY_GIVEN', "The application's own certificate was given in place of Alipay's.")
  }
  return {
    appCertSn: serialOf(app),
    alipayRootCertSn: rootCertSn(files.rootCert),
    alipayCertSn: serialOf(alipay),
    alipayPublicKey: publicKey,
  }
}

/** A certificate's SN: MD5 in hex of its issuer (last part first, as Java writes it) and its decimal serial number. */
export const certSn = (text: string): string => serialOf(firstOf(text, 'given'))

/** The root's SN: the SNs of the bundle's RSA-signed certificates, in file order, joined by `_`. */
export function rootCertSn(bundle: string): string {
  const signedByRsa = ders(bundle).filter((der) => outerAlgorithm(der).startsWith('1.2.840.113549.1.1'))
  if (signedByRsa.length === 0)
    throw new KeyError('UNREADABLE_CERTIFICATE', 'The root bundle has no RSA-signed certificate in it.')
  return signedByRsa.map(serialOf).join('_')
}

function firstOf(text: string, whose: string): Buffer {
  const [der] = ders(text)
  if (!der) throw new KeyError('UNREADABLE_CERTIFICATE', `The ${whose} certificate is not a PEM certificate.`)
  return der
}

const ders = (text: string): Buffer[] =>
  [...text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)].map(([, body = '']) =>
    Buffer.from(body, 'base64'),
  )

function parse(der: Buffer, whose: string): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch (cause) {
    throw new KeyError('UNREADABLE_CERTIFICATE', `The ${whose} certificate cannot be read.`, { cause })
  }
}

interface Element {
  readonly tag: number
  readonly content: Buffer
}

/** The consecutive elements in DER bytes. Only what a certificate's head needs: lengths up to 4 bytes. */
function elementsOf(der: Buffer): Element[] {
  const elements: Element[] = []
  let at = 0
  while (at < der.length) {
    const tag = der.readUInt8(at)
    const short = der.readUInt8(at + 1)
    const bytes = short < 0x80 ? 0 : short & 0x7f
    if (bytes > 4) throw new RangeError('length')
    const length = bytes === 0 ? short : der.readUIntBE(at + 2, bytes)
    const start = at + 2 + bytes
    if (start + length > der.length) throw new RangeError('length')
    elements.push({ tag, content: der.subarray(start, start + length) })
    at = start + length
  }
  return elements
}

function certificateParts(der: Buffer): { readonly head: Element[]; readonly outer: Element } {
  try {
    const [certificate] = elementsOf(der)
    const [toBeSigned, outer] = elementsOf(certificate?.content ?? Buffer.alloc(0))
    if (toBeSigned && outer) return { head: elementsOf(toBeSigned.content), outer }
  } catch {
    // Truncated or not DER: both are reported below.
  }
  throw new KeyError('UNREADABLE_CERTIFICATE', 'A certificate is truncated or damaged.')
}

const outerAlgorithm = (der: Buffer): string => readOid(elementsOf(certificateParts(der).outer.content)[0]?.content)

function serialOf(der: Buffer): string {
  const { head } = certificateParts(der)
  const fields = head[0]?.tag === 0xa0 ? head.slice(1) : head // an explicit version comes first; v1 omits it
  const [serial, , issuer] = fields
  if (serial?.tag !== 0x02 || issuer?.tag !== 0x30)
    throw new KeyError('UNREADABLE_CERTIFICATE', 'A certificate has no serial number or issuer.')
  const decimal = BigInt(`0x${serial.content.toString('hex')}`).toString()
  return createHash('md5')
    .update(`${issuerName(issuer.content)}${decimal}`, 'utf8')
    .digest('hex')
}

/** Alipay's rule: last part first, short names, commas without spaces. */
function issuerName(name: Buffer): string {
  const parts = elementsOf(name).flatMap((set) =>
    elementsOf(set.content).map((pair) => {
      const [type, value] = elementsOf(pair.content)
      return `${SHORT_NAMES[readOid(type?.content)] ?? ''}=${readString(value)}`
    }),
  )
  return parts.reverse().join(',')
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '1.2.840.113549.1.9.1': 'E',
}

/**
 * BMPString is big-endian UTF-16 and T61String is read as Latin-1; every other type in use is UTF-8 or a subset of it.
 */
function readString(value: Element | undefined): string {
  if (!value) return ''
  if (value.tag === 0x1e) return Buffer.from(value.content).swap16().toString('utf16le')
  return value.content.toString(value.tag === 0x14 ? 'latin1' : 'utf8')
}

function readOid(content: Buffer | undefined): string {
  const [first = 0, ...rest] = content ?? []
  const parts = [Math.floor(first / 40), first % 40]
  let value = 0
  for (const byte of rest) {
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      parts.push(value)
      value = 0
    }
  }
  return parts.join('.')
}
