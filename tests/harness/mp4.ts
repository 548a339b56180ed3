/** Small MP4 files, made byte by byte: enough boxes for what reads them, and no picture in them. */

const u32 = (number: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  return bytes
}

export const box = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts)
  return Buffer.concat([u32(content.length + 8), Buffer.from(type, 'latin1'), content])
}

/** A box whose length is written in 64 bits. */
export const largeBox = (type: string, content: Buffer): Buffer =>
  Buffer.concat([u32(1), Buffer.from(type, 'latin1'), u32(0), u32(content.length + 16), content])

export const ftyp = (major: string, ...compatible: readonly string[]): Buffer =>
  box('ftyp', Buffer.from(major, 'latin1'), u32(512), Buffer.from(compatible.join(''), 'latin1'))

export const esds = (objectType: number): Buffer =>
  box('esds', u32(0), Buffer.from([3, 0x80, 0x80, 25, 0, 1, 0, 4, 17, objectType, 0x15]), Buffer.alloc(15))

export const avcC = (profile: number): Buffer => box('avcC', Buffer.from([1, profile, 0, 40, 0xff, 0xe0, 0]))

export function track(kind: 'vide' | 'soun' | 'meta', codec: string, more: Buffer = Buffer.alloc(0)): Buffer {
  const entry = box(codec, Buffer.alloc(kind === 'soun' ? 28 : 78), more)
  const handler = box('hdlr', u32(0), u32(0), Buffer.from(kind, 'latin1'), Buffer.alloc(13))
  const table = box('stbl', box('stsd', u32(0), u32(1), entry), box('stts', u32(0), u32(0)))
  return box(
    'trak',
    box('tkhd', Buffer.alloc(84)),
    box('mdia', box('mdhd', Buffer.alloc(24)), handler, box('minf', table)),
  )
}

export const H264 = track('vide', 'avc1', avcC(100))
export const AAC = track('soun', 'mp4a', esds(0x40))

export const moov = (...tracks: readonly Buffer[]): Buffer => box('moov', box('mvhd', Buffer.alloc(100)), ...tracks)

/** A video as a camera writes it: its description behind what it describes. */
export const mp4 = (
  data: Buffer = Buffer.alloc(1000),
  tracks: readonly Buffer[] = [H264, AAC],
  brand = 'isom',
): Buffer => Buffer.concat([ftyp(brand, 'isom', 'mp42'), box('mdat', data), moov(...tracks)])
