/**
 * Files that staff upload, in one folder: named by the SHA-256 of what is in them, whole or not there at all.
 *
 * A file's name is held (an advisory lock) from before the file takes its place until its row is committed, and by whoever
 * removes a file without a row: so nobody removes what somebody uploads again at that moment.
 */
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Database, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { type FileKind, kindOf, TELLING_BYTES } from './file-kind.ts'

export const PICTURE_BYTES = 5 * 1024 ** 2
export const VIDEO_BYTES = 2 * 1024 ** 3

const DAY_MS = 86_400_000
/** How long a file stays that nothing refers to. */
export const UNUSED_DAYS = 7

/** A file that is being uploaded: on the disk, but not in its place. */
export interface Received {
  readonly name: string
  readonly bytes: number
  readonly kind: FileKind
  readonly part: string
}

/**
 * Writes what comes to a file of its own and onto the disk; leaves nothing where it does not come whole.
 * @throws ShopError UPLOAD_KIND, UPLOAD_TOO_LARGE, UPLOAD_NOT_KEPT for a disk that is full or may not be written
 */
export async function receive(folder: string, chunks: AsyncIterable<Buffer>): Promise<Received> {
  const part = join(folder, `${randomUUID()}.part`)
  try {
    await mkdir(folder, { recursive: true })
    const handle = await open(part, 'wx', 0o644)
    try {
      const written = await write(handle, chunks)
      await handle.sync()
      return { ...written, part }
    } finally {
      await handle.close()
    }
  } catch (error) {
    await discard(part)
    throw asRefusal(error)
  }
}

async function write(handle: FileHandle, chunks: AsyncIterable<Buffer>): Promise<Omit<Received, 'part'>> {
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
  if (!kind) throw new ShopError('UPLOAD_KIND')
  return kind
}

function checkSize({ picture }: FileKind, bytes: number): void {
  if (bytes > (picture ? PICTURE_BYTES : VIDEO_BYTES)) throw new ShopError('UPLOAD_TOO_LARGE')
}

/** Away with a file that did not come to its place, if it is there. */
export const discard = (part: string): Promise<void> => rm(part, { force: true }).catch(() => {})

/**
 * Puts a received file in its place, with its row; the same content again only counts as new.
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
 * Removes what nothing has referred to since it was uploaded a week ago: the rows first, then the files without a row.
 * Whoever refers to an upload holds its row (`for key share`) until that is committed; so each row is held here before it is
 * asked whether anything refers to it, in a statement of its own that sees what was committed meanwhile.
 * @returns how many files went
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

/** Files that have no row (any more), and parts that nobody goes on writing. */
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
