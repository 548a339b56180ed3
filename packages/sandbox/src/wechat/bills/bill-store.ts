/** Recently requested bill files. */
import { randomBytes } from 'node:crypto'

const MAX_FILES = 100

export interface BillFile {
  readonly mchId: string
  readonly bytes: Buffer
  readonly gzip: boolean
  readonly until: number
}

export type WechatBills = ReturnType<typeof createWechatBills>

/** Kept in memory: a restart or five minutes drop them. */
export function createWechatBills() {
  const files = new Map<string, BillFile>()
  return {
    keep(file: BillFile): string {
      const [oldest] = files.keys()
      if (files.size >= MAX_FILES && oldest !== undefined) files.delete(oldest)
      const token = randomBytes(24).toString('base64url')
      files.set(token, file)
      return token
    },
    find(token: string, mchId: string, now: number): BillFile | undefined {
      const file = files.get(token)
      return file?.mchId === mchId && file.until >= now ? file : undefined
    },
  }
}
