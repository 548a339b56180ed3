/** What an uploaded file is, by its own first bytes: its name and what its sender says of it count for nothing. */

/** How many of its first bytes tell what a file is. */
export const TELLING_BYTES = 256

export interface FileKind {
  readonly extension: 'png' | 'jpg' | 'gif' | 'webp' | 'mp4' | 'webm'
  readonly mediaType: string
  readonly picture: boolean
}

const kind = (extension: FileKind['extension'], mediaType: string): FileKind => ({
  extension,
  mediaType,
  picture: mediaType.startsWith('image/'),
})

const KINDS = [
  kind('png', 'image/png'),
  kind('jpg', 'image/jpeg'),
  kind('gif', 'image/gif'),
  kind('webp', 'image/webp'),
  kind('mp4', 'video/mp4'),
  kind('webm', 'video/webm'),
]

/**
 * A file of boxes that begins with `ftyp` (ISO/IEC 14496-12). Cameras write major brands of their own, so those are named that
 * are no video: pictures, sound, and QuickTime unless it says that it is MP4 as well. Its codecs say the rest (`mp4.ts`).
 */
const NO_VIDEO =
  /^(mif1|msf1|miaf|MiHB|MiHE|hei[cmsx]|hev[cmsx]|avi[fs]|jp[2mx] |crx |M4[ABP] |f4[ab] |F4[ABP] |aax[ c])$/
const ISO_BRAND = /^(iso[m2-9a-c]|mp4[12]|avc1)$/

function isMp4(head: Buffer): boolean {
  if (head.length < 12 || head.toString('latin1', 4, 8) !== 'ftyp') return false
  const brands = head.toString('latin1', 8, Math.min(head.readUInt32BE(0), head.length)).match(/.{4}/gs) ?? []
  const [major = '', , ...compatible] = brands
  if (NO_VIDEO.test(major)) return false
  return major !== 'qt  ' || compatible.some((brand) => ISO_BRAND.test(brand))
}

/** @param head the file's first bytes, `TELLING_BYTES` of them or all there are @returns undefined for what is not taken */
export function kindOf(head: Buffer): FileKind | undefined {
  return KINDS.find(({ extension }) => extension === extensionOf(head))
}

function extensionOf(head: Buffer): FileKind['extension'] | undefined {
  const text = head.toString('latin1')
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (text.startsWith('\xff\xd8\xff')) return 'jpg'
  if (/^GIF8[79]a/.test(text)) return 'gif'
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp'
  if (isMp4(head)) return 'mp4'
  // EBML with the document type that says so; any other Matroska is not what browsers play.
  if (text.startsWith('\x1a\x45\xdf\xa3') && text.slice(0, 64).includes('webm')) return 'webm'
  return undefined
}

/** What is often sent instead, by the name that its users know, and what such a file begins with. */
const OTHERS: readonly (readonly [string, string | RegExp])[] = [
  ['QuickTime (MOV)', /^.{4}(ftypqt {2}|moov|wide|mdat)/s],
  ['HEIC', /^.{4}ftyp(mif1|msf1|hei|hev)/s],
  ['AVIF', /^.{4}ftypavi[fs]/s],
  ['M4A', /^.{4}ftyp(M4[ABP] |f4[ab] |F4[ABP] )/s],
  ['AVI', /^RIFF.{4}AVI /s],
  ['WAV', /^RIFF.{4}WAVE/s],
  ['Matroska (MKV)', '\x1aE\xdf\xa3'],
  ['Flash Video (FLV)', 'FLV'],
  ['Windows Media (WMV)', '0&\xb2u\x8ef\xcf\x11'],
  ['MPEG', '\0\0\x01\xb3'],
  ['MPEG', '\0\0\x01\xba'],
  ['MPEG-TS', /^G.{187}G/s],
  ['RealMedia', '.RMF'],
  ['Ogg', 'OggS'],
  ['MP3', 'ID3'],
  ['BMP', 'BM'],
  ['TIFF', 'II*\0'],
  ['TIFF', 'MM\0*'],
  ['PDF', '%PDF'],
  ['ZIP', 'PK\x03\x04'],
  ['RAR', 'Rar!'],
  ['SVG', /^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg/is],
  ['HTML', /^\s*<(!doctype html|html)/i],
]

/** Of a file that is not taken, what it is; undefined where its bytes do not say. */
export function otherKindOf(head: Buffer): string | undefined {
  const text = head.toString('latin1')
  const begins = (start: string | RegExp) => (typeof start === 'string' ? text.startsWith(start) : start.test(text))
  return OTHERS.find(([, start]) => begins(start))?.[0]
}

/** The kind of a file that is kept, by the ending that it was given then. */
export const kindOfName = (name: string): FileKind | undefined =>
  KINDS.find(({ extension }) => name.endsWith(`.${extension}`))
