/**
 * Downloads a bill's file: within five minutes of requesting its address, size-limited, and checked against its hash.
 */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { BillError, type CallOptions, FieldError, isHttpAddress } from '@xuecheng/client-kit'
import { exchange, execute, type Transport } from './execute.ts'
import { textOf, unexpected } from './json.ts'
import { BILL_CODES, type BillCode, type Refusal, refusal } from './refusals.ts'

export interface DownloadOptions extends CallOptions {
  /** Of the unpacked file; 256 MiB by default. */
  readonly maxBytes?: number | undefined
}

const MAX_BYTES = 256 * 1024 * 1024
const DOWNLOAD_MS = 60_000

const unpack = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip)

/** Checks for `yyyy-MM-dd`, a day that exists. @throws FieldError */
export function checkedDay(day: string): string {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(day) ? new Date(`${day}T00:00:00Z`) : new Date(Number.NaN)
  if (!Number.isNaN(at.getTime()) && at.toISOString().startsWith(day)) return day
  throw new FieldError('bill_date', 'must be a day, as yyyy-MM-dd')
}

/**
 * The file's text, without its byte order mark.
 * @param query the requested bill: the path after `/v3/bill/`
 * @throws BillError; the whole operation can safely be repeated with a fresh address
 * @throws UnknownOutcomeError, NotSentError, GatewayRefusedError
 */
export async function fetchBill(
  transport: Transport,
  query: string,
  options: DownloadOptions = {},
): Promise<string | Refusal<BillCode>> {
  const { signal, timeoutMs, maxBytes = MAX_BYTES } = options
  const answer = await execute(transport, { method: 'GET', path: `/v3/bill/${query}` }, { signal, timeoutMs })
  if (!answer.ok) return refusal<BillCode>(answer, BILL_CODES)
  const [address, hash] = [textOf(answer.values, 'download_url'), textOf(answer.values, 'hash_value')]
  if (!isHttpAddress(address) || textOf(answer.values, 'hash_type') !== 'SHA1' || !hash) throw unexpected('bill')
  const packed = await download(transport, new URL(address), { signal, timeoutMs, maxBytes })
  const file = isGzip(packed) ? await unpacked(packed, maxBytes) : packed
  // The file itself is not signed; its hash is, and covers the unpacked bytes.
  if (createHash('sha1').update(file).digest('hex') !== hash.toLowerCase())
    throw new BillError('BILL_DAMAGED', 'The bill does not match its hash.')
  return decoded(file)
}

async function download(
  transport: Transport,
  url: URL,
  { signal, timeoutMs = DOWNLOAD_MS, maxBytes }: DownloadOptions,
): Promise<Buffer> {
  const limit = AbortSignal.timeout(timeoutMs)
  const either = signal ? AbortSignal.any([signal, limit]) : limit
  const accept = { accept: '*/*', ...(maxBytes === undefined ? {} : { maxBytes }) }
  const { answered } = await exchange(transport, { method: 'GET', url }, either, timeoutMs, accept).catch((cause) => {
    throw new BillError('BILL_NOT_DOWNLOADED', 'The download broke off, or the file is too large.', { cause })
  })
  if (answered.status === 200) return answered.body
  throw new BillError('BILL_NOT_DOWNLOADED', `The file host answered HTTP ${answered.status}.`)
}

const isGzip = (file: Buffer): boolean => file[0] === 0x1f && file[1] === 0x8b

async function unpacked(packed: Buffer, maxOutputLength: number): Promise<Buffer> {
  try {
    return await unpack(packed, { maxOutputLength })
  } catch (cause) {
    const isTooLarge = cause instanceof RangeError
    throw isTooLarge
      ? new BillError('BILL_TOO_LARGE', `The bill is larger than ${maxOutputLength} bytes.`, { cause })
      : new BillError('BILL_DAMAGED', 'The bill cannot be unpacked.', { cause })
  }
}

function decoded(file: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file)
  } catch {
    throw new BillError('BILL_NOT_UNDERSTOOD', 'The bill is not UTF-8 text.')
  }
}
