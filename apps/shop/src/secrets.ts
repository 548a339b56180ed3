/** Secrets that are created on the first start and stored in the data folder, readable only by the shop's account. */
import { hkdfSync, randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Reads the file, or creates it; if two processes create it at once, both get what the first one wrote. */
export function keepSecret(file: string, make: () => string): string {
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
    writeFileSync(draft, make(), { mode: 0o600 })
    try {
      linkSync(draft, file) // fails if the file exists by now; it is complete or missing, never partial
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    } finally {
      rmSync(draft)
    }
  }
  return readFileSync(file, 'utf8')
}

/** A 32-byte key for one purpose; it reveals neither the secret nor the keys for other purposes. */
export const deriveKey = (secret: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, 'xuecheng keys', purpose, 32))

export const randomSecret = (): string => randomBytes(32).toString('base64url')
