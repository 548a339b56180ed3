/** Platform certificates for tests, made with the openssl program, and WeChat's answer that contains them. */
import { execFileSync } from 'node:child_process'
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encrypt } from './wechat-side.ts'

export interface MadeCertificate {
  readonly serialNo: string
  readonly pem: string
  readonly privateKey: KeyObject
}

export function makeCertificate(): MadeCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'wechatpay-certificate-'))
  try {
    const args = 'req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -subj /CN=WeChat -days 30'
    execFileSync('openssl', args.split(' '), { cwd: folder, stdio: 'pipe' })
    const pem = readFileSync(join(folder, 'certificate.pem'), 'utf8')
    const privateKey = createPrivateKey(readFileSync(join(folder, 'key.pem')))
    return { serialNo: new X509Certificate(pem).serialNumber, pem, privateKey }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export interface Validity {
  readonly from?: string
  readonly until?: string
  readonly apiV3Key?: string
}

/** One item of the list. */
export const listed = ({ serialNo, pem }: MadeCertificate, { from, until, apiV3Key }: Validity = {}) => ({
  serial_no: serialNo,
  effective_time: from ?? '2025-12-01T00:00:00+08:00',
  expire_time: until ?? '2030-12-01T00:00:00+08:00',
  encrypt_certificate: encrypt(pem, 'certificate', apiV3Key),
})
