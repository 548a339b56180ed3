/** Files that staff upload: what they are is told by their bytes, they are whole or not there, and nothing in use is removed. */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { removeUnused } from '../../apps/shop/src/catalog/files/uploads.ts'
import { type Connection, connect } from '../../apps/shop/src/db/connect.ts'
import { box, ftyp, H264, mp4, track } from '../harness/mp4.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

interface Upload {
  readonly name: string
  readonly kind: string
  readonly bytes: number
  readonly code: string
  readonly inSomeBrowsers: string[]
}

let system: System
let editor: ShopApi
let folder: string
let databaseUrl: string
let connection: Connection

beforeAll(async () => {
  system = await startSystem()
  folder = join(system.dataDir, 'uploads')
  databaseUrl = readFileSync(join(system.dataDir, 'postgres/owner-url'), 'utf8').trim()
  connection = connect(databaseUrl, 4)
  editor = system.client()
  await editor.register('the-editor')
  await system.sql("update users set role = 'editor' where username = 'the-editor'")
})

afterAll(async () => {
  await connection?.close()
  await system?.stop()
})

const PNG = Buffer.from('89504e470d0a1a0a', 'hex')
const picture = (size = 400) => Buffer.concat([PNG, randomBytes(size)])
const video = () => mp4(randomBytes(3000))
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

async function send(bytes: Buffer, name = 'file', who: ShopApi = editor): Promise<{ status: number; body: Upload }> {
  const body = new FormData()
  body.set('file', new Blob([new Uint8Array(bytes)], { type: 'image/png' }), name)
  const headers = { authorization: `Bearer ${who.token}` }
  const answer = await fetch(`${system.shopUrl}/api/admin/uploads`, { method: 'POST', body, headers })
  return { status: answer.status, body: (await answer.json()) as Upload }
}

const parts = () => readdirSync(folder).filter((name) => name.endsWith('.part'))

test('what a file is, its bytes say; it is kept under the name of its content, and shown to anybody', async () => {
  const bytes = picture()
  const sent = await send(bytes, 'holiday.svg')
  expect(sent).toEqual({
    status: 201,
    body: { name: `${sha256(bytes)}.png`, kind: 'picture', bytes: bytes.length, inSomeBrowsers: [] },
  })
  expect(await send(bytes)).toEqual(sent)
  const shown = await fetch(`${system.shopUrl}/uploads/${sent.body.name}`)
  expect(Buffer.from(await shown.arrayBuffer()).equals(bytes)).toBe(true)
  const again = { 'if-none-match': shown.headers.get('etag') ?? '' }
  expect((await fetch(`${system.shopUrl}/uploads/${sent.body.name}`, { headers: again })).status).toBe(304)
  expect(['content-type', 'x-content-type-options', 'cache-control'].map((name) => shown.headers.get(name))).toEqual([
    'image/png',
    'nosniff',
    'public, max-age=31536000, immutable',
  ])
  const audited = await system.sql('select 1 from audit_log where action = $1', ['upload.create'])
  expect(audited.length).toBe(2)

  const others = ['<svg xmlns="http://www.w3.org/2000/svg"/>', '<!doctype html>', '\0\0\0\x20ftypqt  ', 'MZ', '']
  for (const other of others) {
    const refused = await send(Buffer.from(other, 'latin1'), 'picture.png')
    expect([refused.status, refused.body.code], other).toEqual([415, 'UPLOAD_KIND'])
  }
  const named = [
    ['\x00\x00\x00\x20ftypqt  ', 'QuickTime (MOV)'],
    ['\x00\x00\x00\x18ftypheic', 'HEIC'],
    ['\x00\x00\x00\x18ftypM4A ', 'M4A'],
    ['RIFF\x10\x00\x00\x00AVI LIST', 'AVI'],
    ['\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska', 'Matroska (MKV)'],
    ['FLV\x01', 'Flash Video (FLV)'],
    ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'Windows Media (WMV)'],
    ['%PDF-1.7', 'PDF'],
    ['<?xml version="1.0"?>\n<svg/>', 'SVG'],
  ] as const
  for (const [bytes, name] of named) {
    const refused = await send(Buffer.from(bytes, 'latin1'), 'lesson.mp4')
    expect(refused.body, name).toMatchObject({ code: 'UPLOAD_KIND', errors: [{ field: 'file', message: name }] })
  }
  const large = await send(picture(5 * 1024 ** 2))
  expect([large.status, large.body.code]).toEqual([413, 'UPLOAD_TOO_LARGE'])
  expect((await send(picture(), 'x.png', await system.buyer())).status).toBe(403)
  expect(readdirSync(folder)).toEqual([sent.body.name])
  for (const name of ['../keys/auth-secret', `${'0'.repeat(64)}.png`, `${sha256(bytes)}.svg`]) {
    const none = await fetch(`${system.shopUrl}/uploads/${encodeURIComponent(name)}`)
    expect(none.status, name).toBeGreaterThanOrEqual(404)
  }
})

test('a camera’s own brand is an MP4; what no browser plays is refused by its name, what some play is said', async () => {
  const sony = await send(mp4(randomBytes(2000), [H264, track('soun', 'sowt')], 'XAVC'))
  expect([sony.status, sony.body.kind, sony.body.inSomeBrowsers]).toEqual([201, 'video', ['PCM']])
  const hevc = await send(mp4(randomBytes(2000), [track('vide', 'hvc1')], 'mp42'))
  expect([hevc.status, hevc.body.inSomeBrowsers]).toEqual([201, ['HEVC (H.265)']])
  const prores = await send(mp4(randomBytes(2000), [track('vide', 'apch'), track('soun', 'samr')]))
  expect(prores).toMatchObject({
    status: 415,
    body: { code: 'UPLOAD_CODEC', errors: [{ field: 'file', message: 'Apple ProRes, AMR' }] },
  })
  const broken = await send(Buffer.concat([ftyp('isom', 'mp42'), box('mdat', randomBytes(100))]))
  expect([broken.status, broken.body.code]).toEqual([415, 'UPLOAD_CUT_OFF'])
  const sound = await send(mp4(randomBytes(2000), [track('soun', 'mp4a')]))
  expect([sound.status, sound.body.code]).toEqual([415, 'UPLOAD_NO_PICTURES'])
  expect(parts()).toEqual([])
})

test('a connection that is cut leaves nothing', async () => {
  const before = readdirSync(folder)
  const head =
    '--cut\r\ncontent-disposition: form-data; name="file"; filename="a.mp4"\r\ncontent-type: video/mp4\r\n\r\n'
  const sending = request(`${system.shopUrl}/api/admin/uploads`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${editor.token}`,
      'content-type': 'multipart/form-data; boundary=cut',
      'content-length': 1_000_000,
    },
  })
  sending.on('error', () => {})
  sending.write(Buffer.concat([Buffer.from(head), video()]))
  await until(
    async () => parts(),
    (names) => names.length === 1,
  )
  sending.destroy()
  await until(
    async () => parts(),
    (names) => names.length === 0,
  )
  expect(readdirSync(folder)).toEqual(before)
})

/** A published course with one lesson that shows the video, and its text a picture. */
async function courseWith(names: { cover: string | null; video: string | null; markdown: string }) {
  const { body: choices } = await editor.call<{ categories: { slug: string }[]; teachers: { slug: string }[] }>(
    'GET',
    '/api/admin/course-choices',
  )
  const { body: course } = await editor.call<{ id: number }>('POST', '/api/admin/courses', {
    ...{ title: '屏风', promise: '看懂', outcomes: [], language: 'zh-CN', price: '9.00', originalPrice: null },
    ...{ category: choices.categories[0]?.slug, teacher: choices.teachers[0]?.slug, cover: names.cover },
  })
  const { body: content } = await editor.call<{ chapters: { id: number }[] }>(
    'POST',
    `/api/admin/courses/${course.id}/chapters`,
    { title: '一' },
  )
  const { body: lesson } = await editor.call<{ id: number; version: number }>(
    'POST',
    `/api/admin/chapters/${content.chapters[0]?.id}/lessons`,
    { title: '课' },
  )
  const saved = await editor.call<Upload>('PUT', `/api/admin/lessons/${lesson.id}`, {
    ...{ version: lesson.version, title: '课', minutes: 5, preview: false },
    ...{ markdown: names.markdown, video: names.video },
  })
  return { course: course.id, lesson: lesson.id, saved }
}

test('a lesson shows its video to who may read it, whole or in part', async () => {
  const bytes = video()
  const { body } = await send(bytes)
  expect(body.kind).toBe('video')
  const { course, lesson } = await courseWith({ cover: null, video: body.name, markdown: '# 课' })
  const path = `/api/courses/${course}/lessons/${lesson}/video`
  expect((await system.client().call('GET', path)).status).toBe(404)
  const { body: now } = await editor.call<{ version: number }>('GET', `/api/admin/courses/${course}`)
  await editor.call('POST', `/api/admin/courses/${course}/publish`, { version: now.version })
  expect((await system.client().call('GET', path)).status).toBe(401)
  expect((await (await system.buyer()).call('GET', path)).status).toBe(403)
  expect((await fetch(`${system.shopUrl}/uploads/${body.name}`)).status).toBeGreaterThanOrEqual(404)

  const shown = await editor.call<{ videoUrl: string }>('GET', `/api/courses/${course}/lessons/${lesson}`)
  const address = shown.body.videoUrl
  expect(address).toBe(`${path}/${body.name}`)
  const get = (range?: string, more: Record<string, string> = {}, at = address) =>
    fetch(system.shopUrl + at, {
      redirect: 'manual',
      headers: { authorization: `Bearer ${editor.token}`, ...(range === undefined ? {} : { range }), ...more },
    })
  const whole = await get()
  expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'video/mp4'])
  expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true)
  const some = await get('bytes=10-19')
  expect([some.status, some.headers.get('content-range')]).toEqual([206, `bytes 10-19/${bytes.length}`])
  expect(Buffer.from(await some.arrayBuffer()).equals(bytes.subarray(10, 20))).toBe(true)
  expect((await get(`bytes=${bytes.length}-`)).status).toBe(416)

  // Its address names its content: it never changes, and what a browser has is not sent again.
  const tag = whole.headers.get('etag') ?? ''
  expect([tag, whole.headers.get('cache-control')]).toEqual([
    `"${sha256(bytes)}"`,
    'private, max-age=31536000, immutable',
  ])
  expect((await get(undefined, { 'if-none-match': `W/${tag}, "x"` })).status).toBe(304)
  expect((await get('bytes=10-19', { 'if-range': tag })).status).toBe(206)
  expect((await get('bytes=10-19', { 'if-range': '"another"' })).status).toBe(200)
  const old = await get(undefined, {}, path)
  expect([old.status, old.headers.get('location'), old.headers.get('cache-control')]).toEqual([
    302,
    address,
    'private, no-store',
  ])

  // Replaced, it has another address; who has the old one begins with the new video, and never gets bytes of two.
  const other = await send(video())
  const { body: saved } = await editor.call<{ version: number }>('GET', `/api/admin/lessons/${lesson}`)
  const change = {
    version: saved.version,
    title: '课',
    minutes: 5,
    preview: false,
    markdown: '# 课',
    video: other.body.name,
  }
  expect((await editor.call('PUT', `/api/admin/lessons/${lesson}`, change)).status).toBe(200)
  const now2 = await editor.call<{ videoUrl: string }>('GET', `/api/courses/${course}/lessons/${lesson}`)
  expect(now2.body.videoUrl).toBe(`${path}/${other.body.name}`)
  const stale = await get('bytes=0-')
  expect([stale.status, stale.headers.get('location')]).toEqual([302, now2.body.videoUrl])
  expect((await get('bytes=10-19')).status).toBe(404)
  expect((await system.client().call('GET', address)).status).toBe(401)
})

test('a week later nothing is removed but what nothing refers to', async () => {
  const [cover, shown, unused] = [await send(picture()), await send(picture()), await send(picture())]
  const kept = [cover, shown].map(({ body }) => body.name)
  const { saved } = await courseWith({ cover: kept[0] ?? '', video: null, markdown: `![屏](/uploads/${kept[1]})` })
  expect(saved.status).toBe(200)
  const day = 86_400_000
  await removeUnused(connection.db, folder, new Date(Date.now() + 6 * day))
  expect(existsSync(join(folder, unused.body.name))).toBe(true)
  await removeUnused(connection.db, folder, new Date(Date.now() + 8 * day))
  expect(existsSync(join(folder, unused.body.name))).toBe(false)
  for (const name of kept) expect(existsSync(join(folder, name)), name).toBe(true)
  const gone = await courseWith({ cover: null, video: null, markdown: `![屏](/uploads/${unused.body.name})` })
  expect([gone.saved.status, gone.saved.body.code]).toEqual([422, 'INVALID_INPUT'])
})

const waits = async () => {
  const rows = await system.sql("select 1 from pg_stat_activity where wait_event_type = 'Lock'")
  return rows.length
}

test('what is uploaded again, or put to use, while it is being removed stays', async () => {
  const later = new Date(Date.now() + 8 * 86_400_000)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    // Uploaded again: the row is gone, its file not yet; the new one holds the name and is not committed.
    mkdirSync(folder, { recursive: true })
    const bytes = picture()
    const name = `${sha256(bytes)}.png`
    writeFileSync(join(folder, name), bytes)
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`upload ${name}`])
    const removing = removeUnused(connection.db, folder, later)
    await until(waits, (count) => count > 0)
    await client.query('insert into uploads values ($1, $2, now())', [name, bytes.length])
    await client.query('commit')
    await removing
    expect(existsSync(join(folder, name))).toBe(true)

    // Put to use: a course that names it is saved, and not yet committed.
    await client.query('begin')
    await client.query('select 1 from uploads where name = $1 for key share', [name])
    await client.query('update courses set cover = $1 where id = (select min(id) from courses)', [name])
    const again = removeUnused(connection.db, folder, later)
    await until(waits, (count) => count > 0)
    await client.query('commit')
    await again
    expect(existsSync(join(folder, name))).toBe(true)
    expect((await system.sql('select 1 from uploads where name = $1', [name])).length).toBe(1)
  } finally {
    await client.end()
  }
})

test('a disk that may not be written is told in words', async () => {
  // A file in the folder's place stops root as well.
  renameSync(folder, `${folder}-aside`)
  writeFileSync(folder, '')
  const refused = await send(picture())
  rmSync(folder)
  renameSync(`${folder}-aside`, folder)
  expect([refused.status, refused.body.code]).toEqual([507, 'UPLOAD_NOT_KEPT'])
})
