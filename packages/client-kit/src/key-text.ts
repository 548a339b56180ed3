/** The text of a key as people paste it: PEM or bare base64, possibly damaged by copying. */

export type KeyDefectCode =
  | 'BARE_BASE64'
  | 'LOST_LINE_BREAKS'
  | 'DOUBLED_LINE_BREAKS'
  | 'WRITTEN_LINE_BREAKS'
  | 'STRAY_CHARACTERS'
  | 'NO_END_LINE'
  | 'WRONG_LABEL'

/** Damage from copying. This client still reads the key; other programs may not. */
export interface KeyDefect {
  readonly code: KeyDefectCode
  readonly message: string
}

export interface KeyText {
  /** The label of the PEM line; undefined for bare base64. */
  readonly label: string | undefined
  /** Empty when the rest is not base64. */
  readonly der: Buffer
  readonly defects: readonly KeyDefect[]
}

/** Skips the EC PARAMETERS block that OpenSSL writes before an elliptic-curve key. */
const BLOCK = /-{2,}[ \t]*BEGIN (?!EC PARAMETERS)([A-Z0-9 ]+?)[ \t]*-{2,}([\s\S]*?)(-{2,}[ \t]*END[^-]*-{2,}|$)/

/** Decodes the first PEM block, or else the whole text. */
export function readKeyText(text: string): KeyText {
  const plain = text.replace(/\\r\\n|\\[nrt]/g, '\n')
  const [, label, inside = plain, end = ''] = BLOCK.exec(plain) ?? []
  const body = inside.replace(/[\s\uFEFF\u200B\u00A0\u3000"'`,;]/g, '')
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(body)
  const defects: KeyDefect[] = []
  const found = (code: KeyDefectCode, message: string) => defects.push({ code, message })
  if (label === undefined) found('BARE_BASE64', 'It has no PEM lines around it, only base64.')
  else if (end === '') found('NO_END_LINE', 'The END line is missing; the key may be truncated.')
  if (plain !== text) found('WRITTEN_LINE_BREAKS', 'Line breaks are escaped as \\n.')
  if (label !== undefined && hasLongLine(inside)) found('LOST_LINE_BREAKS', 'Line breaks were lost.')
  if (/\n[ \t\r]*\n/.test(inside.trim())) found('DOUBLED_LINE_BREAKS', 'Line breaks are doubled.')
  if (/[^\r\n]/.test(inside.trim().replace(/[A-Za-z0-9+/=\r\n]/g, '')) && isBase64)
    found('STRAY_CHARACTERS', 'It contains spaces or quotation marks.')
  return { label, der: isBase64 ? Buffer.from(body, 'base64') : Buffer.alloc(0), defects }
}

/** PEM lines have 64 characters, or 76 from a few programs. */
const hasLongLine = (inside: string): boolean =>
  inside.split('\n').some((line) => line.replace(/\s/g, '').length > 76 || /\S {1,}\S/.test(line))
