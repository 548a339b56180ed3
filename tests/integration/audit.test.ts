/** The audit log: every address of the desk that changes something writes who did it, from where, and what it was before. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deadJob, endDay, order, paidOrder, untoldOrder } from '../browser/desk-world.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'
import { TABLE } from './desk-endpoints.ts'

/** What changes nothing that anybody did, and why. */
const WITHOUT_A_LINE: Record<string, string> = {
  'POST /api/admin/orders/{orderNo}/refunds/preview': 'works out, books nothing',
  'POST /api/admin/dashboard/count': 'adds up what is there already',
  'POST /api/admin/security-news/seen': 'what one has read is nobody else’s business',
  'POST /api/admin/profile/second-factor': 'a secret that waits for its first code turns nothing on',
}

interface Line {
  readonly id: number
  readonly username: string
  readonly address: string
  readonly action: string
  readonly before: Record<string, unknown> | null
  readonly after: Record<string, unknown> | null
}

let system: System
let owner: ShopApi
const done = new Set<string>()

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
}, 300_000)
afterAll(() => system.stop())

/** Does it at the desk, and gives its answer with the line that it wrote. */
async function did<Body = { id: number }>(
  key: string,
  path: string,
  body?: unknown,
  api = owner,
): Promise<Body & { line: Line }> {
  const [before] = await system.sql<{ id: number }>('select coalesce(max(id), 0)::int as id from audit_log')
  const [method = ''] = key.split(' ')
  const answer = await api.call<Body>(method, `/api/admin/${path}`, body)
  if (answer.status >= 300) throw new Error(`${key}: ${answer.status} ${JSON.stringify(answer.body)}`)
  const lines = await system.sql<Line>('select * from audit_log where id > $1 order by id', [before?.id])
  expect([key, lines.length]).toEqual([key, 1])
  expect([key, lines[0]?.address]).toEqual([key, '127.0.0.1'])
  done.add(key)
  return { ...answer.body, line: lines[0] as Line }
}

const at = (method: string, path: string) => `${method} /api/admin/${path}`
const reason = 'because'

test('orders, refunds and access', async () => {
  const unpaid = await order(system, [1], '39.00')
  const asked = await did(at('POST', 'orders/{orderNo}/ask'), `orders/${unpaid.orderNo}/ask`)
  expect(asked.line.after).toEqual({ [unpaid.orderNo]: 'none' })
  const cancelled = await did(at('POST', 'orders/{orderNo}/cancel'), `orders/${unpaid.orderNo}/cancel`, { reason })
  expect(cancelled.line).toMatchObject({ before: { status: 'unpaid' }, after: { status: 'cancelled' } })

  const paid = await paidOrder(system, [1, 2, 3], '138.00')
  const path = `orders/${paid.orderNo}/refunds`
  await system.sandbox.send('POST', '/faults', {
    ...{ kind: 'business-error', scope: { outTradeNo: paid.orderNo }, method: 'alipay.trade.refund' },
    subCode: 'ACQ.TRADE_NOT_ALLOW_REFUND',
  })
  const part = { lines: [{ courseId: 1, amount: '39.00' }], amount: '39.00', reason }
  const sent = await did<{ requestNo: string }>(at('POST', 'orders/{orderNo}/refunds'), path, part)
  expect(sent.line.before).toMatchObject({ status: 'paid' })
  await system.sql('update refunds set tries = 3 where request_no = $1', [sent.requestNo])
  const refused = await until(
    () => system.sql<{ status: string }>('select status from refunds where request_no = $1', [sent.requestNo]),
    ([refund]) => refund?.status === 'refused',
  )
  expect(refused).toHaveLength(1)
  await system.sandbox.send('DELETE', '/faults')
  await did(at('POST', 'refunds/{requestNo}/send-again'), `refunds/${sent.requestNo}/send-again`, {})

  for (const [verb, body] of [
    ['approve', {}],
    ['decline', { answer: 'no' }],
  ] as const) {
    const bought = await paidOrder(system, [1], '39.00')
    await bought.buyer.call('POST', `/api/orders/${bought.orderNo}/refunds`, { courseIds: [1], reason })
    const [refund] = await system.sql<{ request_no: string }>(
      "select request_no from refunds where status = 'requested' order by id desc limit 1",
    )
    const { line } = await did(at('POST', `refunds/{requestNo}/${verb}`), `refunds/${refund?.request_no}/${verb}`, body)
    expect(line.before).toEqual({ status: 'requested' })
  }

  const bought = await paidOrder(system, [1], '39.00')
  const { id } = (await bought.buyer.call<{ id: number }>('GET', '/api/me')).body
  const revoked = await did(at('POST', 'buyers/{id}/access/revoke'), `buyers/${id}/access/revoke`, {
    courseId: 1,
    reason,
  })
  const { orderNo } = bought
  expect(revoked.line).toMatchObject({ before: { courseId: 1, access: 'active', orderNo } })
  expect(revoked.line.after).toEqual({ courseId: 1, access: 'revoked' })
  const granted = await did(at('POST', 'buyers/{id}/access'), `buyers/${id}/access`, { courseId: 1, orderNo, reason })
  expect(granted.line.before).toEqual({ courseId: 1, access: 'revoked' })
  expect(granted.line.after).toEqual({ courseId: 1, access: 'active', orderNo })
  const { line: off } = await did(at('POST', 'buyers/{id}/disable'), `buyers/${id}/disable`, { disabled: true, reason })
  expect(off).toMatchObject({ before: { disabled: false }, after: { disabled: true } })
  const { line: secret } = await did(at('POST', 'buyers/{id}/password'), `buyers/${id}/password`, { reason })
  expect(secret).toMatchObject({ before: { passwordDue: false }, after: { passwordDue: true } })
})

test('the inbox, money of nobody, jobs, a day and its difference', async () => {
  const [settled] = await system.sql<{ id: number }>('select id::int from notifications order by id desc limit 1')
  const { line } = await did(at('POST', 'notifications/{id}/replay'), `notifications/${settled?.id}/replay`)
  expect(line.before).toMatchObject({ accepted: true })

  for (const verb of ['refund', 'seen']) {
    const bought = await order(system, [1], '39.00')
    await system.sql('update payment_attempts set attempt_no = $2 where attempt_no = $1', [
      bought.orderNo,
      randomBytes(16).toString('hex'),
    ])
    await system.sandbox.pay(bought.payUrl)
    const [row] = await until(
      () =>
        system.sql<{ id: number }>('select id::int from unmatched_payments where attempt_no = $1', [bought.orderNo]),
      (rows) => rows.length > 0,
    )
    await did(at('POST', `unmatched-payments/{id}/${verb}`), `unmatched-payments/${row?.id}/${verb}`, { note: reason })
  }

  await deadJob(system)
  const [dead] = await system.sql<{ id: string }>(
    "select id::text from graphile_worker._private_jobs where payload::text like '%none%'",
  )
  const again = await did(at('POST', 'jobs/{id}/run-again'), `jobs/${dead?.id}/run-again`)
  expect(again.line.before).toMatchObject({ task: 'send-refund', attempts: 3, lastError: 'refundId is no number' })

  const trial = { payType: 'alipay' }
  await did(at('POST', 'trial-payments'), 'trial-payments', trial)

  await untoldOrder(system)
  const day = await endDay(system)
  await did(at('POST', 'reconciliations'), 'reconciliations', { provider: 'alipay', day })
  const differences = await until(
    () =>
      system.sql<{ id: number }>(
        "select id::int from reconciliation_differences where kind = 'PAID_THERE_UNPAID_HERE'",
      ),
    (rows) => rows.length > 0,
  )
  const repair = { repair: 'seen', note: reason }
  await did(at('POST', 'differences/{id}/repair'), `differences/${differences[0]?.id}/repair`, repair)
})

test('courses, chapters, lessons, categories, teachers, files', async () => {
  const choice = async (kind: 'categories' | 'teachers', fields: object, changed: object) => {
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
  await choice('categories', { nameZh: '甲', nameEn: 'A' }, { nameZh: '乙', nameEn: 'B' })
  await choice('teachers', { name: '甲', title: 'one', bio: '' }, { name: '乙', title: 'two', bio: 'more' })

  const picture = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(300)])
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(picture)], { type: 'image/png' }), 'a.png')
  const headers = { authorization: `Bearer ${owner.token}` }
  const upload = await fetch(`${system.shopUrl}/api/admin/uploads`, { method: 'POST', body: form, headers })
  expect(upload.status).toBe(201)
  const [file] = await system.sql<Line>("select * from audit_log where action = 'upload.create'")
  expect(file).toMatchObject({ username: 'admin', address: '127.0.0.1' })
  done.add(at('POST', 'uploads'))

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

test('the shop’s name and logo, and the payment keys: masked, never whole', async () => {
  const { body } = await owner.call<Record<string, unknown>>('GET', '/api/admin/shop-identity')
  const { logo, version, ...former } = body
  const now = { ...former, nameZh: '书院', nameEn: 'Academy' }
  const named = await did(at('PUT', 'shop-identity'), 'shop-identity', { version, ...now })
  const late = await owner.call<{ code: string }>('PUT', '/api/admin/shop-identity', { version, ...former })
  expect([late.status, late.body.code]).toEqual([409, 'SETTINGS_CHANGED'])
  expect(named.line).toMatchObject({ before: { ...former, logo }, after: now })
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(50)]).toString('base64')
  await did(at('PUT', 'shop-identity/logo'), 'shop-identity/logo', { image: png })
  await did(at('DELETE', 'shop-identity/logo'), 'shop-identity/logo')

  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const appPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const merchant = await system.sandbox.send<{ appId: string; alipayPublicKey: string }>('POST', '/merchants', {
    name: 'entered',
    appPublicKey,
  })
  const secret = privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')
  const values = {
    ...{ ALIPAY_APP_ID: merchant.appId, ALIPAY_GATEWAY: `${system.sandboxUrl}/gateway.do` },
    ...{ ALIPAY_SELLER_ID: (merchant as unknown as { sellerId: string }).sellerId },
    ...{ ALIPAY_PRIVATE_KEY: secret, ALIPAY_PUBLIC_KEY: merchant.alipayPublicKey },
  }
  const store = () =>
    did(at('POST', 'payment-settings/{provider}'), 'payment-settings/alipay', { values, despite: true })
  const first = await store()
  expect(first.line.before).toEqual({ shown: null })
  const second = await store()
  expect(second.line.before).toEqual(first.line.after)
  const removed = await did(at('POST', 'payment-settings/{provider}/remove'), 'payment-settings/alipay/remove')
  expect(removed.line).toMatchObject({ before: second.line.after, after: { shown: null } })
  const [retired] = await system.sql<{ id: number }>('select id::int from payment_settings order by id limit 1')
  const path = `payment-settings/former/${retired?.id}/forget`
  const forgotten = await did(at('POST', 'payment-settings/former/{id}/forget'), path)
  expect(forgotten.line.before).toMatchObject({ id: retired?.id, ...first.line.after })
  const log = JSON.stringify(await system.sql('select before, after from audit_log'))
  expect(log).not.toContain(secret.slice(100, 160))
})

test('students, staff, and one’s own account', async () => {
  const list = (text: string) => ({ fileName: 'a.csv', file: Buffer.from(text).toString('base64') })
  const stopped = await did(at('POST', 'imports'), 'imports', list('username,course\nimported-one,1'))
  await did(at('POST', 'imports/{id}/cancel'), `imports/${stopped.id}/cancel`)
  const { id } = await did(at('POST', 'imports'), 'imports', list('username,course\nimported-two,1'))
  await did(at('POST', 'imports/{id}/start'), `imports/${id}/start`)
  await until(
    () => owner.call<{ status: string }>('GET', `/api/admin/imports/${id}`),
    ({ body }) => body.status === 'done',
  )
  await did(at('POST', 'imports/{id}/passwords'), `imports/${id}/passwords`)

  const wanted = { username: 'new-editor', displayName: '新编辑', role: 'editor' }
  const { member } = await did<{ member: { id: number } }>(at('POST', 'staff'), 'staff', wanted)
  const path = `staff/${member.id}`
  const moved = await did(at('POST', 'staff/{id}/role'), `${path}/role`, { role: 'support', reason })
  expect(moved.line).toMatchObject({ before: { role: 'editor' }, after: { role: 'support' } })
  await did(at('POST', 'staff/{id}/sessions/end'), `${path}/sessions/end`, { reason })
  await did(at('POST', 'staff/{id}/second-factor/off'), `${path}/second-factor/off`, { reason })
  await did(at('POST', 'staff/{id}/password'), `${path}/password`, { reason })
  const { line } = await did(at('POST', 'staff/{id}/disable'), `${path}/disable`, { disabled: true, reason })
  expect(line).toMatchObject({ before: { disabled: false }, after: { disabled: true } })

  const api = system.client()
  await api.register('helper')
  await system.sql("update users set role = 'support' where username = 'helper'")
  await did(at('POST', 'profile/sessions/end'), 'profile/sessions/end', {}, api)
  const factor = 'profile/second-factor'
  const { secret } = (await api.call<{ secret: string }>('POST', `/api/admin/${factor}`)).body
  const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate()
  await did(at('POST', `${factor}/confirm`), `${factor}/confirm`, { code }, api)
  await did(at('POST', `${factor}/recovery-codes`), `${factor}/recovery-codes`, undefined, api)
  await did(at('POST', `${factor}/off`), `${factor}/off`, undefined, api)

  const security = { refundLimit: '500.00', factorRoles: ['editor'] }
  const { line: changed } = await did(at('PUT', 'security-settings'), 'security-settings', security)
  expect(changed).toMatchObject({ before: { refundLimit: '1000.00', factorRoles: [] }, after: security })
})

test('no address that changes something is left out', () => {
  const changing = Object.keys(TABLE).filter((key) => !key.startsWith('GET '))
  expect([...done, ...Object.keys(WITHOUT_A_LINE)].sort()).toEqual(changing.sort())
})

test('the log is read by who, by what, by subject and by day', async () => {
  const read = async (query: string) =>
    (await owner.call<{ items: Line[] }>('GET', `/api/admin/audit?${query}`)).body.items
  const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
  const actions = (lines: Line[]) => [...new Set(lines.map(({ action }) => action))]
  expect(actions(await read('action=course.publish'))).toEqual(['course.publish'])
  expect(actions(await read(`action=course.publish&day=${today}&user=admin`))).toEqual(['course.publish'])
  expect(await read('day=2020-01-01')).toEqual([])
  expect(await read('action=course.publish&user=helper')).toEqual([])
  expect((await owner.call('GET', '/api/admin/audit?day=2026-02-31')).status).toBe(422)
})
