/**
 * Downloads a bill's archive: within 30 s of requesting its address, size-limited, with a User-Agent the file host
 * accepts.
 */
import { BillError } from '@xuecheng/client-kit'

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined
  /** In milliseconds; 60 s by default. */
  readonly timeoutMs?: number | undefined
  /** 64 MiB by default. */
  readonly maxBytes?: number | undefined
  /** The file host rejects the default names of some libraries. */
  readonly userAgent?: string | undefined
}

const USER_AGENT = 'Mozilla/5.0 (compatible; xuecheng-alipay)'

/** @throws BillError; the whole operation can safely be repeated with a fresh address */
export async function downloadBill(
  url: string,
  fetchFile: typeof fetch,
  { signal, timeoutMs = 60_000, maxBytes = 64 * 1024 * 1024, userAgent = USER_AGENT }: DownloadOptions = {},
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
      if (length > maxBytes) throw new BillError('BILL_TOO_LARGE', `The bill is larger than ${maxBytes} bytes.`)
      chunks.push(chunk)
    }
    const archive = Buffer.concat(chunks)
    // An expired link (older than 30 seconds) answers with an HTML page and status 200.
    if (archive.length < 2 || archive.toString('latin1', 0, 2) !== 'PK')
      throw new BillError('BILL_LINK_EXPIRED', 'The file host sent no archive: the link is older than 30 seconds.')
    return archive
  } catch (error) {
    if (error instanceof BillError) throw error
    throw new BillError('BILL_NOT_DOWNLOADED', 'The download broke off.', { cause: error })
  }
}
