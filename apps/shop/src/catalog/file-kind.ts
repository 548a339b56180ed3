/** What an uploaded file is, by its own first bytes: its name and what its sender says of it count for nothing. */

/** How many of its first bytes tell what a file is. */
export const TELLING_BYTES = 64

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

/** MP4 as browsers play it (ISO/IEC 14496-12, `ftyp`); QuickTime, HEIC and AVIF begin alike and are none. */
const MP4_BRANDS = /^(isom|iso[2-9]|mp4[12]|avc1|M4V |dash|MSNV)$/

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
  if (text.slice(4, 8) === 'ftyp' && MP4_BRANDS.test(text.slice(8, 12))) return 'mp4'
  // EBML with the document type that says so; any other Matroska is not what browsers play.
  if (text.startsWith('\x1a\x45\xdf\xa3') && text.includes('webm')) return 'webm'
  return undefined
}

/** The kind of a file that is kept, by the ending that it was given then. */
export const kindOfName = (name: string): FileKind | undefined =>
  KINDS.find(({ extension }) => name.endsWith(`.${extension}`))
