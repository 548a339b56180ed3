/**
 * Files that staff upload, in one folder. Each is named by the SHA-256 of its content, and is either complete or
 * absent.
 * | An advisory lock on the file's name is held from before the file is moved into place until its row is committed.
 * Removal of a file without a row takes the same lock, so it never removes a file that is being uploaded again.
 */
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Database, Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { type FileKind, kindOf, otherKindOf, TELLING_BYTES } from '../../file-kind.ts'
import { codecsOf } from './mp4.ts'

export const PICTURE_BYTES = 5 * 1024 ** 2
export const VIDEO_BYTES = 2 * 1024 ** 3

const DAY_MS = 86_400_000
/** Uploads that nothing refers to are kept this long. */
export const UNUSED_DAYS = 7

/** A file whose upload is complete: on the disk, but not yet moved into place. */
export interface Received {
  readonly name: string
  readonly bytes: number
  readonly kind: FileKind
  readonly part: string
  /** For a video: the codecs that only some browsers play. */
  readonly inSomeBrowsers: readonly string[]
}

/**
 * Writes the stream to a temporary file and syncs it to the disk; removes the file if the upload is incomplete.
 * @throws ShopError UPLOAD_KIND with the detected type, UPLOAD_CUT_OFF, UPLOAD_NO_PICTURES, UPLOAD_CODEC,
 * UPLOAD_TOO_LARGE, or UPLOAD_NOT_KEPT if the disk is full or not writable
 */
export async function receive(folder: string, chunks: AsyncIterable<Buffer>): Promise<Received> {
  const part = join(folder, `${randomUUID()}.part`)
  try {
    await mkdir(folder, { recursive: true })
    const handle = await open(part, 'wx+', 0o644)
    try {
      const written = await write(handle, chunks)
      const inSomeBrowsers = await checkCodecs(handle, written)
      await handle.sync()
      return { ...written, part, inSomeBrowsers }
    } finally {
      await handle.close()
    }
  } catch (error) {
    await discard(part)
    throw asRefusal(error)
  }
}

type Written = Omit<Received, 'part' | 'inSomeBrowsers'>

async function write(handle: FileHandle, chunks: AsyncIterable<Buffer>): Promise<Written> {
  const hash = createHash('sha256')
  let head = Buffer.alloc(0)
  let bytes = 0
  for await (const chunk of chunks) {
    if (head.length < TELLING_BYTES) head = Buffer.concat([head, chunk.subarray(0, TELLING_BYTES - head.length)])
    bytes += chunk.length
    if (head.length === TELLING_BYTES) checkSize(checkKind(head), bytes)
    hash.update(chunk)
    await handle.writeFile(chunk)
  }
  const kind = checkKind(head)
  checkSize(kind, bytes)
  return { name: `${hash.digest('hex')}.${kind.extension}`, bytes, kind }
}

function checkKind(head: Buffer): FileKind {
  const kind = kindOf(head)
  if (kind) return kind
  const other = otherKindOf(head)
  throw new ShopError('UPLOAD_KIND', other === undefined ? {} : { errors: [{ field: 'file', message: other }] })
}

/** @returns the codecs that only some browsers play; refuses a codec that no common browser plays */
async function checkCodecs(handle: FileHandle, { kind, bytes }: Written): Promise<string[]> {
  if (kind.extension !== 'mp4') return []
  const codecs = await codecsOf(handle, bytes)
  if (codecs === 'cut off') throw new ShopError('UPLOAD_CUT_OFF')
  if (codecs === 'no pictures') throw new ShopError('UPLOAD_NO_PICTURES')
  const named = (plays: 'in some' | 'nowhere') => [
    ...new Set(codecs.filter((codec) => codec.plays === plays).map(({ name }) => name)),
  ]
  const unplayable = named('nowhere')
  if (unplayable.length === 0) return named('in some')
  throw new ShopError('UPLOAD_CODEC', { errors: [{ field: 'file', message: unplayable.join(', ') }] })
}

function checkSize({ picture }: FileKind, bytes: number): void {
  if (bytes > (picture ? PICTURE_BYTES : VIDEO_BYTES)) throw new ShopError('UPLOAD_TOO_LARGE')
}

/** Removes a temporary file, if it exists. */
export const discard = (part: string): Promise<void> => rm(part, { force: true }).catch(() => {})

/**
 * Moves a received file into place and adds its row. Uploading the same content again only renews its date.
 * @throws ShopError UPLOAD_NOT_KEPT
 */
export async function keep(tx: Transaction, folder: string, { name, bytes, part }: Received, now: Date): Promise<void> {
  await hold(tx, name)
  try {
    await rename(part, join(folder, name))
    const handle = await open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  } catch (error) {
    throw asRefusal(error)
  }
  await tx
    .insertInto('uploads')
    .values({ name, bytes, uploaded_at: now })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ uploaded_at: now }))
    .execute()
}

const hold = (tx: Transaction, name: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${`upload ${name}`}, 0))`.execute(tx)

const USED = sql<boolean>`(
  exists (select from courses where courses.cover = uploads.name)
  or exists (select from lessons where lessons.video = uploads.name)
  or exists (select from lessons where position('/uploads/' || uploads.name in lessons.markdown) > 0))`

/**
 * Removes uploads that nothing has referred to for a week: first the rows, then the files without a row.
 * A transaction that refers to an upload locks its row (`for key share`) until it commits. So each row is locked here
 * first, and a separate statement, which sees what was committed meanwhile, then checks for references.
 * @returns how many files were removed
 */
export async function removeUnused(db: Database, folder: string, now: Date): Promise<number> {
  const before = new Date(now.getTime() - UNUSED_DAYS * DAY_MS)
  const old = await db
    .selectFrom('uploads')
    .select('name')
    .where('uploaded_at', '<', before)
    .where(sql<boolean>`not ${USED}`)
    .execute()
  for (const { name } of old) {
    await db.transaction().execute(async (tx) => {
      await tx.selectFrom('uploads').select('name').where('name', '=', name).forUpdate().execute()
      await tx
        .deleteFrom('uploads')
        .where('name', '=', name)
        .where('uploaded_at', '<', before)
        .where(sql<boolean>`not ${USED}`)
        .execute()
    })
  }
  return removeRowless(db, folder, now)
}

/** Removes files that have no row, and abandoned temporary files. */
async function removeRowless(db: Database, folder: string, now: Date): Promise<number> {
  const names = await readdir(folder).catch((): string[] => [])
  const rows = await db.selectFrom('uploads').select('name').execute()
  const known = new Set(rows.map(({ name }) => name))
  let removed = 0
  for (const name of names.filter((one) => !known.has(one))) {
    if (name.endsWith('.part')) {
      const since = await stat(join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => now.getTime(),
      )
      if (now.getTime() - since < DAY_MS) continue
      await discard(join(folder, name))
      removed += 1
    } else if (/^[0-9a-f]{64}\.\w+$/.test(name)) {
      removed += await db.transaction().execute(async (tx) => {
        await hold(tx, name)
        const row = await tx.selectFrom('uploads').select('name').where('name', '=', name).executeTakeFirst()
        if (row) return 0
        await rm(join(folder, name), { force: true })
        return 1
      })
    }
  }
  return removed
}

const CANNOT_WRITE = /^(ENOSPC|EDQUOT|EROFS|EACCES|EPERM|EIO|EMFILE|ENFILE|ENOTDIR|EEXIST)$/

function asRefusal(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return CANNOT_WRITE.test(code) ? new ShopError('UPLOAD_NOT_KEPT', { cause: error }) : error
}
