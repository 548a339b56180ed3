/** Which files are accepted, and that a broken connection leaves none. */
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { expect, test } from 'vitest'
import { box, ftyp, H264, mp4, track } from '../../harness/mp4.ts'
import { until } from '../../harness/system.ts'
import { editor, folder, picture, send, sha256, system, video } from './rig.ts'

const parts = () => readdirSync(folder).filter((name) => name.endsWith('.part'))

test('a file is recognized by its bytes, stored under the hash of its content, and public', async () => {
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

test('a camera’s own brand is accepted as MP4; formats that no browser supports are refused by name, and partial support is mentioned', async () => {
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

test('a connection that is cut leaves no file', async () => {
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
