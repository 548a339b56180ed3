/** Fetches a bill's file: within five minutes of asking for its address, bounded, and whole by its hash. */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { BillError, type CallOptions, FieldError, isHttpAddress } from '@xuecheng/client-kit'
import { exchange, execute, type Transport } from './execute.ts'
import { textOf, unexpected } from './json.ts'
import { BILL_CODES, type BillCode, type Refusal, refusal } from './refusals.ts'

export interface DownloadOptions extends CallOptions {
  /** Of the file, unpacked; 256 MiB if not said. */
  readonly mostBytes?: number | undefined
}

const MOST_BYTES = 256 * 1024 * 1024
const DOWNLOAD_MS = 60_000

const unpack = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip)

/** `yyyy-MM-dd`, a day that exists. @throws FieldError */
export function checkedDay(day: string): string {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(day) ? new Date(`${day}T00:00:00Z`) : new Date(Number.NaN)
  if (!Number.isNaN(at.getTime()) && at.toISOString().startsWith(day)) return day
  throw new FieldError('bill_date', 'must be a day, as yyyy-MM-dd')
}

/**
 * The file's text, its byte order mark left out.
 * @param query what is asked for, from `/v3/bill/` on
 * @throws BillError; repeating the whole, with a fresh address, is safe
 * @throws UnknownOutcomeError, NotSentError, GatewayRefusedError
 */
export async function fetchBill(
  transport: Transport,
  query: string,
  options: DownloadOptions = {},
): Promise<string | Refusal<BillCode>> {
  const { signal, timeoutMs, mostBytes = MOST_BYTES } = options
  const answer = await execute(transport, { method: 'GET', path: `/v3/bill/${query}` }, { signal, timeoutMs })
  if (!answer.ok) return refusal<BillCode>(answer, BILL_CODES)
  const [address, hash] = [textOf(answer.values, 'download_url'), textOf(answer.values, 'hash_value')]
  if (!isHttpAddress(address) || textOf(answer.values, 'hash_type') !== 'SHA1' || !hash) throw unexpected('bill')
  const packed = await download(transport, new URL(address), { signal, timeoutMs, mostBytes })
  const file = isGzip(packed) ? await unpacked(packed, mostBytes) : packed
  // The file itself is not signed; its hash is, and is of the bytes unpacked.
  if (createHash('sha1').update(file).digest('hex') !== hash.toLowerCase())
    throw new BillError('BILL_DAMAGED', 'The bill is not the file that its hash was made of.')
  return decoded(file)
}

async function download(
  transport: Transport,
  url: URL,
  { signal, timeoutMs = DOWNLOAD_MS, mostBytes }: DownloadOptions,
): Promise<Buffer> {
  const limit = AbortSignal.timeout(timeoutMs)
  const either = signal ? AbortSignal.any([signal, limit]) : limit
  const accept = { accept: '*/*', ...(mostBytes === undefined ? {} : { mostBytes }) }
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
    throw new BillError('BILL_NOT_UNDERSTOOD', 'The bill is no UTF-8 text.')
  }
}
