/** Courses, chapters, lessons, categories, teachers and files. */
import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { at, did, done, type Line, owner, system } from './rig.ts'

async function makeChoice(kind: 'categories' | 'teachers', fields: object, changed: object): Promise<void> {
  const key = (method: string) => at(method, `${kind}/{slug}`)
  const { slug } = await did<{ slug: string }>(at('POST', kind), kind, fields)
  const edited = await did(key('PUT'), `${kind}/${slug}`, changed)
  expect(edited.line).toMatchObject({ before: fields, after: changed })
  const { items } = (await owner.call<{ items: { slug: string }[] }>('GET', `/api/admin/${kind}`)).body
  const slugs = items.map((item) => item.slug)
  const turned = await did(at('PUT', `${kind}-order`), `${kind}-order`, { slugs: slugs.toReversed() })
  expect(turned.line).toMatchObject({ before: { slugs }, after: { slugs: slugs.toReversed() } })
  const gone = await did(key('DELETE'), `${kind}/${slug}`)
  expect(gone.line.before).toEqual(changed)
}

async function uploadPicture(): Promise<void> {
  const picture = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(300)])
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(picture)], { type: 'image/png' }), 'a.png')
  const headers = { authorization: `Bearer ${owner.token}` }
  const upload = await fetch(`${system.shopUrl}/api/admin/uploads`, { method: 'POST', body: form, headers })
  expect(upload.status).toBe(201)
  const [file] = await system.sql<Line>("select * from audit_log where action = 'upload.create'")
  expect(file).toMatchObject({ username: 'admin', address: '127.0.0.1' })
  done.add(at('POST', 'uploads'))
}

test('courses, chapters, lessons, categories, teachers, files', async () => {
  await makeChoice('categories', { nameZh: '甲', nameEn: 'A' }, { nameZh: '乙', nameEn: 'B' })
  await makeChoice('teachers', { name: '甲', title: 'one', bio: '' }, { name: '乙', title: 'two', bio: 'more' })

  await uploadPicture()

  const choices = await owner.call<{ categories: { slug: string }[]; teachers: { slug: string }[] }>(
    'GET',
    '/api/admin/course-choices',
  )
  const fields = {
    ...{ title: '新课', promise: 'before', outcomes: ['one'], language: 'zh-CN', price: '10.00', originalPrice: null },
    ...{ category: choices.body.categories[0]?.slug, teacher: choices.body.teachers[0]?.slug, cover: null },
  }
  const { id } = await did(at('POST', 'courses'), 'courses', fields)
  const path = `courses/${id}`
  const version = async () => (await owner.call<{ version: number }>('GET', `/api/admin/${path}`)).body.version
  const changed = { ...fields, promise: 'after', outcomes: ['one', 'two'], price: '20.00' }
  const edited = await did(at('PUT', 'courses/{id}'), path, { version: await version(), ...changed })
  expect(edited.line).toMatchObject({ before: fields, after: changed })

  const made = await did<{ chapters: { id: number }[] }>(at('POST', 'courses/{id}/chapters'), `${path}/chapters`, {
    title: '一',
  })
  const chapter = made.chapters[0]?.id ?? 0
  const renamed = await did(at('PUT', 'chapters/{id}'), `chapters/${chapter}`, {
    version: await version(),
    title: '二',
  })
  expect(renamed.line).toMatchObject({ before: { chapter, title: '一' }, after: { chapter, title: '二' } })
  const first = await did<{ id: number; version: number }>(
    at('POST', 'chapters/{id}/lessons'),
    `chapters/${chapter}/lessons`,
    { title: 'L1' },
  )
  const second = await did<{ id: number }>(at('POST', 'chapters/{id}/lessons'), `chapters/${chapter}/lessons`, {
    title: 'L2',
  })
  const words = { title: 'L1', minutes: 5, preview: true, markdown: '# Words', video: null }
  const written = await did(at('PUT', 'lessons/{id}'), `lessons/${first.id}`, { version: first.version, ...words })
  expect(written.line.before).toMatchObject({ lesson: first.id, title: 'L1', minutes: 10, characters: 0 })
  const sha256 = createHash('sha256').update('# Words').digest('hex')
  expect(written.line.after).toMatchObject({ lesson: first.id, minutes: 5, characters: 7, sha256 })

  const lessons = [first.id, second.id]
  const turned = await did(at('PUT', 'courses/{id}/order'), `${path}/order`, {
    version: await version(),
    chapters: [{ id: chapter, lessons: lessons.toReversed() }],
  })
  expect(turned.line.before).toEqual({ chapters: [{ id: chapter, lessons }] })
  expect(turned.line.after).toEqual({ chapters: [{ id: chapter, lessons: lessons.toReversed() }] })
  for (const [verb, before, after] of [
    ['publish', 'draft', 'published'],
    ['unpublish', 'published', 'draft'],
  ] as const) {
    const { line } = await did(at('POST', `courses/{id}/${verb}`), `${path}/${verb}`, { version: await version() })
    expect(line).toMatchObject({ before: { status: before }, after: { status: after } })
  }
  const lost = await did(at('DELETE', 'lessons/{id}'), `lessons/${second.id}?version=${await version()}`)
  expect(lost.line.before).toMatchObject({ lesson: second.id, title: 'L2' })
  const emptied = await did(at('DELETE', 'chapters/{id}'), `chapters/${chapter}?version=${await version()}`)
  expect(emptied.line.before).toMatchObject({ chapter, title: '二', lessons: [{ id: first.id, title: 'L1' }] })
  const deleted = await did(at('DELETE', 'courses/{id}'), `${path}?version=${await version()}`)
  expect(deleted.line.before).toMatchObject(changed)
})
