/**
 * The operator's own files under `DATA_DIR/public/`: files by which search engines and payment companies verify that
 * the operator owns the site (`MP_verify_….txt`), a robots.txt, a favicon.
 */
import { open, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** By file extension; other files are not served. None of these types can run as part of a page. */
const TYPES: Readonly<Record<string, string>> = {
  txt: 'text/plain; charset=utf-8',
  html: 'text/html; charset=utf-8',
  xml: 'application/xml; charset=utf-8',
  json: 'application/json; charset=utf-8',
  webmanifest: 'application/manifest+json; charset=utf-8',
  ico: 'image/x-icon',
  png: 'image/png',
  jpg: 'image/jpeg',
}

/** One name, at the top or below `.well-known`: no folder, no leading dot, nothing to decode. */
const PATH = /^\/(\.well-known\/)?([A-Za-z0-9_][\w-]{0,99}(?:\.[\w-]{1,40}){0,3})$/
/** Phones request it without an extension. */
const WELL_KNOWN_JSON = 'apple-app-site-association'
const MAX_BYTES = 1024 * 1024

export interface OwnFile {
  readonly type: string
  readonly content: Buffer
}

/** Finds the operator's file for a path; reads it anew each time. */
export type OwnFiles = (path: string) => Promise<OwnFile | undefined>

export function ownFiles(folder: string): OwnFiles {
  return async (path) => {
    const [, below = '', name = ''] = PATH.exec(path) ?? []
    const type = name === WELL_KNOWN_JSON ? TYPES['json'] : TYPES[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? '']
    if (!type) return undefined
    const content = await read(folder, join(folder, below, name)).catch(() => undefined)
    return content && { type, content }
  }
}

/** Follows links only within the folder; Kubernetes mounts files as such links. */
async function read(folder: string, file: string): Promise<Buffer | undefined> {
  const [root, real] = await Promise.all([realpath(folder), realpath(file)])
  if (!real.startsWith(root + sep)) return undefined
  const handle = await open(real, 'r')
  try {
    const found = await handle.stat()
    return found.isFile() && found.size <= MAX_BYTES ? await handle.readFile() : undefined
  } finally {
    await handle.close()
  }
}
