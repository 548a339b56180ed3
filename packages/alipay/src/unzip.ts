/** Reads a small zip archive by its central directory, with limits: enough for a bill, and safe against zip bombs. */

import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import { BillError } from '@xuecheng/client-kit'

export interface ZipEntry {
  /** Decoded as GBK, as Alipay writes it, or as UTF-8 when the archive says so. */
  readonly name: string
  readonly content: Buffer
}

const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflateRaw)

const END = 0x06054b50
const CENTRAL = 0x02014b50
const LOCAL = 0x04034b50
const MAX_ENTRIES = 64

/**
 * Every file of the archive. @throws BillError if it is not an archive, damaged, or would unpack to more than
 * `maxBytes`
 */
export async function unzip(archive: Buffer, maxBytes: number): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = []
  let left = maxBytes
  for (const header of readDirectory(archive)) {
    if (header.size > left) throw new BillError('BILL_TOO_LARGE', `The bill unpacks to more than ${maxBytes} bytes.`)
    const content = await readEntry(archive, header)
    left -= content.length
    if (!header.name.endsWith('/')) entries.push({ name: header.name, content })
  }
  return entries
}

interface Header {
  readonly name: string
  readonly method: number
  readonly crc: number
  readonly packedSize: number
  readonly size: number
  readonly localOffset: number
}

function readDirectory(archive: Buffer): Header[] {
  const end = findEnd(archive)
  const count = archive.readUInt16LE(end + 10)
  let at = archive.readUInt32LE(end + 16)
  if (count > MAX_ENTRIES) throw damaged('it has too many files')
  const headers: Header[] = []
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > archive.length || archive.readUInt32LE(at) !== CENTRAL) throw damaged('its directory is broken')
    const flags = archive.readUInt16LE(at + 8)
    const nameEnd = at + 46 + archive.readUInt16LE(at + 28)
    if (flags & 1) throw damaged('it is password-protected')
    headers.push({
      name: new TextDecoder(flags & 0x800 ? 'utf-8' : 'gbk').decode(archive.subarray(at + 46, nameEnd)),
      method: archive.readUInt16LE(at + 10),
      crc: archive.readUInt32LE(at + 16),
      packedSize: archive.readUInt32LE(at + 20),
      size: archive.readUInt32LE(at + 24),
      localOffset: archive.readUInt32LE(at + 42),
    })
    at = nameEnd + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
  }
  return headers
}

/** The end record comes last, followed by a comment of at most 65535 bytes. */
function findEnd(archive: Buffer): number {
  for (let at = archive.length - 22; at >= Math.max(0, archive.length - 22 - 0xffff); at -= 1) {
    if (archive.readUInt32LE(at) === END) return at
  }
  throw damaged('it has no directory')
}

async function readEntry(archive: Buffer, header: Header): Promise<Buffer> {
  const { localOffset, packedSize, size, method } = header
  if (localOffset + 30 > archive.length || archive.readUInt32LE(localOffset) !== LOCAL)
    throw damaged('a file is missing')
  const start = localOffset + 30 + archive.readUInt16LE(localOffset + 26) + archive.readUInt16LE(localOffset + 28)
  if (start + packedSize > archive.length) throw damaged('a file is truncated')
  const packed = archive.subarray(start, start + packedSize)
  const content = method === 0 ? packed : method === 8 ? await unpack(packed, size) : undefined
  if (!content) throw damaged('a file cannot be unpacked')
  if (content.length !== size || crc32(content) !== header.crc) throw damaged('a file does not match its checksum')
  return content
}

/** Stops at the size that the directory promises, however much the stream would give. */
async function unpack(packed: Buffer, size: number): Promise<Buffer | undefined> {
  try {
    return await inflate(packed, { maxOutputLength: Math.max(size, 1) })
  } catch {
    return undefined
  }
}

const damaged = (why: string) => new BillError('BILL_ARCHIVE_DAMAGED', `The bill is not a readable archive: ${why}.`)
