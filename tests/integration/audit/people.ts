/** Shop profile, payment keys, students, staff, and one’s own account. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import { until } from '../../harness/system.ts'
import { at, did, owner, reason, system } from './rig.ts'

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
  const { orderNo } = (await (await system.buyer()).buy([1], '39.00')).body
  await system.sql("update payment_attempts set merchant = 'https://gone 1' where attempt_no = $1", [orderNo])
  const giveUp = 'payment-settings/alipay/give-up'
  const givenUp = await did(at('POST', 'payment-settings/{provider}/give-up'), giveUp)
  expect(givenUp.line).toMatchObject({ after: { givenUp: [orderNo] } })
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
