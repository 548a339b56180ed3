/**
 * Text fields of a multipart/form-data body, as cURL's `-F` sends them. Uploaded files are skipped: they are not
 * signed.
 */

/** `text` decodes a field's bytes. A truncated body gives the fields before the truncation. */
export function multipartFields(body: Buffer, boundary: string, text: (bytes: Buffer) => string): [string, string][] {
  const fields: [string, string][] = []
  const delimiter = Buffer.from(`--${boundary}`)
  let at = body.indexOf(delimiter)
  while (at >= 0) {
    const start = at + delimiter.length
    const end = body.indexOf(delimiter, start)
    if (end < 0) break
    const part = body.subarray(start + 2, end - 2)
    const split = part.indexOf('\r\n\r\n')
    const head = split < 0 ? '' : part.subarray(0, split).toString('utf8')
    const name = /\bname="([^"]*)"/i.exec(head)?.[1]
    if (name !== undefined && !/\bfilename=/i.test(head)) fields.push([name, text(part.subarray(split + 4))])
    at = end
  }
  return fields
}
