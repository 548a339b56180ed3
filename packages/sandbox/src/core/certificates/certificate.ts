/** Writes X.509 certificates, and computes Alipay's serial numbers of certificates (Alipay, certificate mode, SN). */
import { createHash, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { bits, boolean, integer, nothing, octets, oid, printable, sequence, set, tagged, time, utf8 } from './der.ts'

/** In DER order: country first. */
export interface Name {
  readonly country: string
  readonly organization: string
  readonly unit: string
  readonly commonName: string
}

export interface CertificateRequest {
  readonly subject: Name
  readonly issuer: Name
  readonly publicKey: KeyObject
  /** RSA or P-256; decides the signature algorithm. */
  readonly issuerKey: KeyObject
  readonly from: number
  readonly until: number
  readonly authority: boolean
  /** Length of the serial number in bytes; 16 by default, 20 for WeChat Pay's. */
  readonly serialBytes?: number
}

/** A certificate as PEM, signed with SHA-256. */
export function issueCertificate(request: CertificateRequest): string {
  const rsa = request.issuerKey.asymmetricKeyType === 'rsa'
  const algorithm = rsa ? sequence(oid('1.2.840.113549.1.1.11'), nothing()) : sequence(oid('1.2.840.10045.4.3.2'))
  const serial = randomBytes(request.serialBytes ?? 16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const body = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    nameOf(request.issuer),
    sequence(time(request.from), time(request.until)),
    nameOf(request.subject),
    request.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...extensions(request.authority))),
  )
  const certificate = sequence(body, algorithm, bits(sign('sha256', body, request.issuerKey)))
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function extensions(authority: boolean): Buffer[] {
  const critical = boolean(true)
  const basic = authority ? sequence(boolean(true)) : sequence()
  const usage = authority ? bits(Buffer.from([0b0000_0110]), 1) : bits(Buffer.from([0b1100_0000]), 6)
  return [sequence(oid('2.5.29.19'), critical, octets(basic)), sequence(oid('2.5.29.15'), critical, octets(usage))]
}

function nameOf({ country, organization, unit, commonName }: Name): Buffer {
  return sequence(
    set(sequence(oid('2.5.4.6'), printable(country))),
    set(sequence(oid('2.5.4.10'), utf8(organization))),
    set(sequence(oid('2.5.4.11'), utf8(unit))),
    set(sequence(oid('2.5.4.3'), utf8(commonName))),
  )
}

/**
 * MD5, in lower-case hex, of the issuer in reverse order and the decimal serial number (`app_cert_sn`,
 * `alipay_cert_sn`).
 */
export function certificateSn(pem: string): string {
  const certificate = new X509Certificate(pem)
  const issuer = certificate.issuer.split('\n').toReversed().join(',')
  return createHash('md5')
    .update(`${issuer}${BigInt(`0x${certificate.serialNumber}`)}`, 'utf8')
    .digest('hex')
}

/** Joined by `_`: the SN of every RSA-signed certificate in a bundle (`alipay_root_cert_sn`). */
export function rootSn(bundle: string): string {
  const certificates = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return certificates.filter(signedWithRsa).map(certificateSn).join('_')
}

const RSA_FAMILY = oid('1.2.840.113549.1.1.1').subarray(2, -1)

/**
 * By the OID of the signature algorithm, 1.2.840.113549.1.1.*, which the certificate's tail repeats before the
 * signature.
 */
function signedWithRsa(pem: string): boolean {
  const { raw } = new X509Certificate(pem)
  const bodyStart = headerEnd(raw, 0)
  const bodyEnd = headerEnd(raw, bodyStart) + contentLength(raw, bodyStart)
  const algorithm = raw.subarray(headerEnd(raw, bodyEnd) + 2)
  return algorithm.subarray(0, RSA_FAMILY.length).equals(RSA_FAMILY)
}

function contentLength(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? 0
  return first < 0x80 ? first : bytes.readUIntBE(at + 2, first & 0x7f)
}

function headerEnd(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? 0
  return at + 2 + (first < 0x80 ? 0 : first & 0x7f)
}
