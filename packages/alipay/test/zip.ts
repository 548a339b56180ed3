/** Zip archives for tests, written by hand so that every field can be made wrong. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipFile {
  readonly name: Buffer
  readonly content: Buffer
  /** Stored, not deflated. */
  readonly stored?: boolean
  /** If given, replaces the correct value. */
  readonly crc?: number
  readonly size?: number
  readonly flags?: number
  readonly method?: number
}

export function zip(files: readonly ZipFile[], { comment = Buffer.alloc(0), count = files.length } = {}): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const file of files) {
    const data = file.stored ? file.content : deflateRawSync(file.content)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(file.flags ?? 0, 2)
    common.writeUInt16LE(file.method ?? (file.stored ? 0 : 8), 4)
    common.writeUInt32LE(file.crc ?? crc32(file.content), 10)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(file.size ?? file.content.length, 18)
    common.writeUInt16LE(file.name.length, 22)
    const local = Buffer.concat([u32(0x04034b50), common, file.name, data])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([u32(0x02014b50), Buffer.from([20, 0]), common, rest, file.name]))
    parts.push(local)
    offset += local.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(count, 4)
  end.writeUInt16LE(count, 6)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(offset, 12)
  end.writeUInt16LE(comment.length, 16)
  return Buffer.concat([...parts, central, u32(0x06054b50), end, comment])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
