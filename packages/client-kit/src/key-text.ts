/** The text of a key as people paste it: PEM or bare base64, with the marks that copying leaves on it. */

export type KeyDefectCode =
  | 'BARE_BASE64'
  | 'LOST_LINE_BREAKS'
  | 'DOUBLED_LINE_BREAKS'
  | 'WRITTEN_LINE_BREAKS'
  | 'STRAY_CHARACTERS'
  | 'NO_END_LINE'
  | 'WRONG_LABEL'

/** Something that copying did to a key. None of them keeps this client from reading it; other programs may stumble. */
export interface KeyDefect {
  readonly code: KeyDefectCode
  readonly message: string
}

export interface KeyText {
  /** What the PEM line calls it; undefined for bare base64. */
  readonly label: string | undefined
  /** Empty where what remains is no base64. */
  readonly der: Buffer
  readonly defects: readonly KeyDefect[]
}

/** What OpenSSL writes before a key of an elliptic curve is no key. */
const BLOCK = /-{2,}[ \t]*BEGIN (?!EC PARAMETERS)([A-Z0-9 ]+?)[ \t]*-{2,}([\s\S]*?)(-{2,}[ \t]*END[^-]*-{2,}|$)/

/** Takes the first PEM block, or else the whole text, down to its bytes. */
export function readKeyText(text: string): KeyText {
  const plain = text.replace(/\\r\\n|\\[nrt]/g, '\n')
  const [, label, inside = plain, end = ''] = BLOCK.exec(plain) ?? []
  const body = inside.replace(/[\s\uFEFF\u200B\u00A0\u3000"'`,;]/g, '')
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(body)
  const defects: KeyDefect[] = []
  const found = (code: KeyDefectCode, message: string) => defects.push({ code, message })
  if (label === undefined) found('BARE_BASE64', 'There are no PEM lines around it, only base64.')
  else if (end === '') found('NO_END_LINE', 'The END line is missing; the key may be cut off.')
  if (plain !== text) found('WRITTEN_LINE_BREAKS', 'Line breaks are written out as \\n.')
  if (label !== undefined && hasLongLine(inside)) found('LOST_LINE_BREAKS', 'Line breaks were lost.')
  if (/\n[ \t\r]*\n/.test(inside.trim())) found('DOUBLED_LINE_BREAKS', 'Line breaks are doubled.')
  if (/[^\r\n]/.test(inside.trim().replace(/[A-Za-z0-9+/=\r\n]/g, '')) && isBase64)
    found('STRAY_CHARACTERS', 'There are spaces or quotation marks inside it.')
  return { label, der: isBase64 ? Buffer.from(body, 'base64') : Buffer.alloc(0), defects }
}

/** PEM lines hold 64 characters, a few programs' 76. */
const hasLongLine = (inside: string): boolean =>
  inside.split('\n').some((line) => line.replace(/\s/g, '').length > 76 || /\S {1,}\S/.test(line))
