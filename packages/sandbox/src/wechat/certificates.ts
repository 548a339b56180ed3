/**
 * Platform certificates (WeChat Pay, "GET /v3/certificates"): in certificate mode they sign for WeChat, and rotate. A
 * new one is listed next to the old one, signs a growing share of WeChat's messages, and finally all of them.
 */
import { createPublicKey, type KeyObject, randomInt, X509Certificate } from 'node:crypto'
import { issueCertificate, type Name } from '../core/certificates/certificate.ts'
import type { Clock } from '../core/clock.ts'
import { generateKeys, readPrivateKey } from '../core/keys.ts'
import type { Database } from '../core/storage/database.ts'
import { DAY } from '../core/time.ts'
import type { WechatMerchant } from './merchants.ts'
import { type Json, moment } from './notifications/messages.ts'
import { encrypt } from './signing.ts'

const YEARS = 365 * DAY
const NAME: Name = {
  country: 'CN',
  organization: 'Xuecheng Sandbox',
  unit: 'WeChat Pay sandbox',
  commonName: 'WeChat Pay sandbox platform certificate',
}

export interface PlatformCertificate {
  readonly serialNo: string
  readonly key: KeyObject
  readonly certificate: string
  readonly effectiveAt: number
  readonly expiresAt: number
  /** The share of messages that it signs, in per cent; the newest with a share takes precedence. */
  readonly share: number
}

/** The signing key, and its name. */
export interface Signer {
  readonly key: KeyObject
  readonly serial: string
}

export type WechatCertificates = ReturnType<typeof openWechatCertificates>

type Row = {
  serial_no: string
  private_key: string
  certificate: string
  effective_at: number
  expires_at: number
  share: number
}

export function openWechatCertificates(database: Database, clock: Clock) {
  const select = database.prepare<Row>('select * from wechat_certificates where mch_id = ? order by id desc')
  const insert = database.prepare(
    `insert into wechat_certificates (mch_id, serial_no, private_key, certificate, effective_at, expires_at, share)
     values (?, ?, ?, ?, ?, ?, ?)`,
  )
  const setShare = database.prepare('update wechat_certificates set share = ? where mch_id = ? and serial_no = ?')
  const known = new Map<string, PlatformCertificate[]>()

  /** Unexpired certificates, newest first. */
  function list(mchId: string): PlatformCertificate[] {
    const held = known.get(mchId) ?? select.all(mchId).map(fromRow)
    known.set(mchId, held)
    return held.filter(({ expiresAt }) => expiresAt > clock.now())
  }

  /** Issues the next certificate, which signs `share` per cent from now on. */
  async function issue(mchId: string, share: number): Promise<void> {
    const { privateKey } = await generateKeys()
    const key = readPrivateKey(privateKey)
    const now = clock.now()
    const [from, until] = [now - DAY, now + 5 * YEARS]
    const publicKey = createPublicKey(key)
    const certificate = issueCertificate({
      subject: NAME,
      issuer: NAME,
      publicKey,
      issuerKey: key,
      from,
      until,
      authority: false,
      serialBytes: 20,
    })
    const { serialNumber } = new X509Certificate(certificate)
    insert.run(mchId, serialNumber, privateKey, certificate, from, until, share)
    known.delete(mchId)
  }

  return {
    list,
    issue,
    /** Changes the share of the newest certificate. False if there is none. */
    share(mchId: string, percent: number): boolean {
      const [newest] = list(mchId)
      if (!newest) return false
      setShare.run(percent, mchId, newest.serialNo)
      known.delete(mchId)
      return true
    },
    /** The current signer towards this merchant; a caller that requests the public key by its id gets that one. */
    signer(merchant: WechatMerchant, requested?: string): Signer {
      const isCertified = merchant.keyMode === 'certificate' && requested !== merchant.publicKeyId
      const certificates = isCertified ? list(merchant.mchId) : []
      for (const { key, serialNo: serial, share } of certificates) {
        if (share >= 100 || randomInt(100) < share) return { key, serial }
      }
      const last = certificates.at(-1)
      if (last) return { key: last.key, serial: last.serialNo }
      return { key: merchant.wechatKey, serial: merchant.publicKeyId }
    },
    forget: () => known.clear(),
  }
}

/** The list as an answer, each certificate encrypted with the merchant's key. */
export const certificatesJson = (merchant: WechatMerchant, certificates: readonly PlatformCertificate[]): Json => ({
  data: certificates.map(({ serialNo, certificate, effectiveAt, expiresAt }) => ({
    serial_no: serialNo,
    effective_time: moment(effectiveAt),
    expire_time: moment(expiresAt),
    encrypt_certificate: encrypt(merchant.apiV3Key, certificate, 'certificate'),
  })),
})

const fromRow = (row: Row): PlatformCertificate => ({
  serialNo: row.serial_no,
  key: readPrivateKey(row.private_key),
  certificate: row.certificate,
  effectiveAt: row.effective_at,
  expiresAt: row.expires_at,
  share: row.share,
})
