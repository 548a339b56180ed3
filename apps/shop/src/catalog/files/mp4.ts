/**
 * Reads which codecs the tracks of an MP4 file use, from its boxes (ISO/IEC 14496-12), wherever its `moov` box is.
 * Reads only the headers of boxes, so memory use does not depend on the size of the video.
 */
import type { FileHandle } from 'node:fs/promises'

/** One track's codec: its name, and which browsers play it. */
export interface Codec {
  readonly name: string
  readonly sound: boolean
  readonly plays: 'everywhere' | 'in some' | 'nowhere'
}

/** Bounds the work for a malicious file: no real video has this many boxes. */
const MAX_BOXES = 20_000
const MAX_TRACKS = 32
/** A sample description is a few hundred bytes. */
const DESCRIPTION_BYTES = 4096

interface Box {
  readonly type: string
  readonly start: number
  readonly end: number
}

/** @returns the codecs of the video and audio tracks, or why the file is no video: cut off, or without a video track */
export async function codecsOf(file: FileHandle, size: number): Promise<readonly Codec[] | 'cut off' | 'no pictures'> {
  const read = reader(file, size)
  const moov = await read.find({ start: 0, end: size }, ['moov'])
  if (!moov) return 'cut off'
  const codecs: Codec[] = []
  for (const track of (await read.all(moov, 'trak')).slice(0, MAX_TRACKS)) {
    const handler = await read.find(track, ['mdia', 'hdlr'])
    const samples = await read.find(track, ['mdia', 'minf', 'stbl', 'stsd'])
    if (!handler || !samples) continue
    const type = (await read.bytes(handler.start, 12)).toString('latin1', 8, 12)
    if (type !== 'vide' && type !== 'soun') continue
    const description = await read.bytes(samples.start, Math.min(samples.end - samples.start, DESCRIPTION_BYTES))
    codecs.push(type === 'vide' ? pictureCodec(description) : soundCodec(description))
  }
  return codecs.some(({ sound }) => !sound) ? codecs : 'no pictures'
}

function reader(file: FileHandle, size: number) {
  let boxes = 0
  const bytes = async (start: number, length: number): Promise<Buffer> => {
    const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - start)))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
    return buffer.subarray(0, bytesRead)
  }
  /** The boxes of a range, one after the other; ends at one that is cut off or invalid. */
  async function* inside(place: { start: number; end: number }): AsyncGenerator<Box> {
    for (let at = place.start; at + 8 <= place.end; ) {
      boxes += 1
      if (boxes > MAX_BOXES) return
      const head = await bytes(at, 16)
      if (head.length < 8) return
      const short = head.readUInt32BE(0)
      if (short === 1 && head.length < 16) return
      const length = short === 1 ? Number(head.readBigUInt64BE(8)) : short === 0 ? place.end - at : short
      const header = short === 1 ? 16 : 8
      if (length < header || at + length > place.end) return
      yield { type: head.toString('latin1', 4, 8), start: at + header, end: at + length }
      at += length
    }
  }
  return {
    bytes,
    async all(place: Box, type: string): Promise<Box[]> {
      const found: Box[] = []
      for await (const box of inside(place)) if (box.type === type) found.push(box)
      return found
    },
    /** The first box at the end of a path of types. */
    async find(place: { start: number; end: number }, path: readonly string[]): Promise<Box | undefined> {
      const [type, ...rest] = path
      for await (const box of inside(place)) {
        if (box.type !== type) continue
        return rest.length === 0 ? box : this.find(box, rest)
      }
      return undefined
    },
  }
}

const everywhere = (name: string) => ({ name, plays: 'everywhere' }) as const
const inSome = (name: string) => ({ name, plays: 'in some' }) as const
const nowhere = (name: string) => ({ name, plays: 'nowhere' }) as const
type Known = ReturnType<typeof everywhere | typeof inSome | typeof nowhere>

/** By the four-character code of the sample description. Codes that are not listed may be newer than this table. */
const PICTURES: Readonly<Record<string, Known>> = {
  avc1: everywhere('H.264'),
  avc3: everywhere('H.264'),
  vp09: everywhere('VP9'),
  vp08: everywhere('VP8'),
  av01: inSome('AV1'),
  hvc1: inSome('HEVC (H.265)'),
  hev1: inSome('HEVC (H.265)'),
  dvh1: inSome('Dolby Vision'),
  dvhe: inSome('Dolby Vision'),
  dva1: inSome('Dolby Vision'),
  apch: nowhere('Apple ProRes'),
  apcn: nowhere('Apple ProRes'),
  apcs: nowhere('Apple ProRes'),
  apco: nowhere('Apple ProRes'),
  ap4h: nowhere('Apple ProRes'),
  ap4x: nowhere('Apple ProRes'),
  mp4v: nowhere('MPEG-4 Visual'),
  s263: nowhere('H.263'),
  h263: nowhere('H.263'),
  'vc-1': nowhere('VC-1'),
  jpeg: nowhere('Motion JPEG'),
  mjpa: nowhere('Motion JPEG'),
  mjpb: nowhere('Motion JPEG'),
  AVdn: nowhere('Avid DNxHD'),
  AVdh: nowhere('Avid DNxHR'),
  encv: nowhere('DRM'),
}

const SOUNDS: Readonly<Record<string, Known>> = {
  Opus: everywhere('Opus'),
  fLaC: everywhere('FLAC'),
  '.mp3': everywhere('MP3'),
  alac: inSome('Apple Lossless'),
  'ac-3': inSome('Dolby AC-3'),
  'ec-3': inSome('Dolby E-AC-3'),
  twos: inSome('PCM'),
  sowt: inSome('PCM'),
  lpcm: inSome('PCM'),
  ipcm: inSome('PCM'),
  fpcm: inSome('PCM'),
  in24: inSome('PCM'),
  in32: inSome('PCM'),
  fl32: inSome('PCM'),
  samr: nowhere('AMR'),
  sawb: nowhere('AMR-WB'),
  sevc: nowhere('EVRC'),
  sqcp: nowhere('QCELP'),
  dtsc: nowhere('DTS'),
  dtsh: nowhere('DTS'),
  dtse: nowhere('DTS'),
  enca: nowhere('DRM'),
}

/** Codecs inside `mp4a`, by object type (ISO/IEC 14496-1). */
const MP4A: Readonly<Record<number, Known>> = {
  64: everywhere('AAC'),
  102: everywhere('AAC'),
  103: everywhere('AAC'),
  104: everywhere('AAC'),
  105: everywhere('MP3'),
  107: everywhere('MP3'),
  165: inSome('Dolby AC-3'),
  166: inSome('Dolby E-AC-3'),
  169: nowhere('DTS'),
  225: nowhere('QCELP'),
}

/** H.264 profiles that the decoders of phones do not support: ten bits, 4:2:2, 4:4:4. */
const H264_STUDIO: readonly number[] = [110, 122, 244, 44]

const lettersOf = (description: Buffer): string => description.toString('latin1', 12, 16)

function pictureCodec(description: Buffer): Codec {
  const letters = lettersOf(description)
  const known = PICTURES[letters] ?? inSome(shown(letters))
  const at = description.indexOf('avcC', 0, 'latin1')
  const isStudio = known.name === 'H.264' && at > 0 && H264_STUDIO.includes(description[at + 5] ?? 0)
  return { ...(isStudio ? inSome('H.264 (10 bit, 4:2:2)') : known), sound: false }
}

function soundCodec(description: Buffer): Codec {
  const letters = lettersOf(description)
  if (letters !== 'mp4a') return { ...(SOUNDS[letters] ?? inSome(shown(letters))), sound: true }
  const type = objectTypeOf(description)
  return {
    ...(type === undefined ? everywhere('AAC') : (MP4A[type] ?? inSome(`mp4a.${type.toString(16)}`))),
    sound: true,
  }
}

const shown = (letters: string): string => letters.replace(/[^\x21-\x7e]/g, '?') || '????'

/** Reads `esds`: an ES descriptor (3), which contains the decoder configuration (4), which begins with the type. */
function objectTypeOf(description: Buffer): number | undefined {
  const box = description.indexOf('esds', 0, 'latin1')
  if (box < 0) return undefined
  let at = box + 8
  const skipLength = () => {
    for (let more = 4; more > 0 && ((description[at++] ?? 0) & 0x80) !== 0; more -= 1);
  }
  if (description[at++] !== 3) return undefined
  skipLength()
  const flags = description[at + 2] ?? 0
  at += 3 + (flags & 0x80 ? 2 : 0)
  if (flags & 0x40) at += 1 + (description[at] ?? 0)
  if (flags & 0x20) at += 2
  if (description[at++] !== 4) return undefined
  skipLength()
  return description[at]
}
