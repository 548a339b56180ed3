/** Secrets that are made on first start and kept, readable by their owner alone, under the data folder. */
import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Reads the file, or makes it; of two who make it at once, both get what the first one wrote. */
export function keepSecret(file: string, make: () => string): string {
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
    writeFileSync(draft, make(), { mode: 0o600 })
    try {
      linkSync(draft, file) // fails where the file is there by now: it is whole or absent, never half
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    } finally {
      rmSync(draft)
    }
  }
  return readFileSync(file, 'utf8')
}

export const randomSecret = (): string => randomBytes(32).toString('base64url')
