/** Files in lessons, and the removal of those that nothing uses. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { removeUnused } from '../../../apps/shop/src/catalog/files/uploads.ts'
import { until } from '../../harness/system.ts'
import { connection, databaseUrl, editor, folder, picture, send, sha256, system, type Upload, video } from './rig.ts'

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

test('a lesson’s video is served to those who may read the lesson, whole or in ranges', async () => {
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

  // The address contains the hash of the content, so a browser caches it forever.
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

  // A replaced video has another address; the old one restarts with the new video, and never mixes bytes of both.
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

test('after a week only files that nothing refers to are removed', async () => {
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

test('a file that is uploaded again or put to use while it is being removed stays', async () => {
  const later = new Date(Date.now() + 8 * 86_400_000)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    // Uploaded again: the row is deleted, its file not yet; the new row is not committed.
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

    // Put to use: a course that refers to it is saved, but not committed yet.
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

test('a disk that cannot be written to is reported in words', async () => {
  // A file in place of the folder stops root as well.
  renameSync(folder, `${folder}-aside`)
  writeFileSync(folder, '')
  const refused = await send(picture())
  rmSync(folder)
  renameSync(`${folder}-aside`, folder)
  expect([refused.status, refused.body.code]).toEqual([507, 'UPLOAD_NOT_KEPT'])
})
