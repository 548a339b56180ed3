/** Fetches a bill's archive: within 30 s of asking for its address, bounded, under a name that the file host lets in. */
import { BillError } from '@xuecheng/client-kit'

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined
  /** 60 s if not said, in milliseconds. */
  readonly timeoutMs?: number | undefined
  /** 64 MiB if not said. */
  readonly mostBytes?: number | undefined
  /** The file host turns down the names of some libraries. */
  readonly userAgent?: string | undefined
}

const USER_AGENT = 'Mozilla/5.0 (compatible; xuecheng-alipay)'

/** @throws BillError; repeating the whole, with a fresh address, is safe */
export async function downloadBill(
  url: string,
  fetchFile: typeof fetch,
  { signal, timeoutMs = 60_000, mostBytes = 64 * 1024 * 1024, userAgent = USER_AGENT }: DownloadOptions = {},
): Promise<Buffer> {
  const limit = AbortSignal.timeout(timeoutMs)
  try {
    const response = await fetchFile(url, {
      headers: { 'user-agent': userAgent },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new BillError('BILL_NOT_DOWNLOADED', `The file host answered HTTP ${response.status}.`)
    }
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of response.body ?? []) {
      length += chunk.length
      if (length > mostBytes) throw new BillError('BILL_TOO_LARGE', `The bill is larger than ${mostBytes} bytes.`)
      chunks.push(chunk)
    }
    const archive = Buffer.concat(chunks)
    // A link that is past its 30 seconds answers a page, with status 200.
    if (archive.length < 2 || archive.toString('latin1', 0, 2) !== 'PK')
      throw new BillError('BILL_LINK_EXPIRED', 'The file host sent no archive: the link is older than 30 seconds.')
    return archive
  } catch (error) {
    if (error instanceof BillError) throw error
    throw new BillError('BILL_NOT_DOWNLOADED', 'The download broke off.', { cause: error })
  }
}
