import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AAC, avcC, box, esds, ftyp, H264, largeBox, moov, mp4, track } from '../../../../../tests/harness/mp4.ts'
import { kindOf } from '../../file-kind.ts'
import { codecsOf } from './mp4.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xuecheng-mp4-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function look(bytes: Buffer) {
  const path = join(folder, 'video')
  writeFileSync(path, bytes)
  const file = await open(path)
  let reads = 0
  const { read } = file
  file.read = ((...how: Parameters<typeof read>) => {
    reads += how.length === 0 ? 0 : Number((how as unknown[])[2])
    return read.apply(file, how)
  }) as typeof read
  const codecs = await codecsOf(file, bytes.length).finally(() => file.close())
  const named = typeof codecs === 'string' ? codecs : codecs.map(({ name, plays }) => `${name} ${plays}`)
  return { codecs: named, reads }
}

test.each(['isom', 'mp42', 'XAVC', '3gp5', 'M4VH', 'mp71', 'cmfc', 'f4v ', 'avc1', 'dash', 'iso9', 'NDSC'])(
  'a file whose major brand is %s is an MP4, and its codecs say the rest',
  async (brand) => {
    const bytes = mp4(Buffer.alloc(5000), [H264, AAC], brand)
    expect(kindOf(bytes.subarray(0, 256))?.extension).toBe('mp4')
    expect((await look(bytes)).codecs).toEqual(['H.264 everywhere', 'AAC everywhere'])
  },
)

test.each([
  ['a QuickTime film', ftyp('qt  ', 'qt  ')],
  ['a picture (HEIC)', ftyp('heic', 'mif1', 'heic')],
  ['a picture (AVIF)', ftyp('avif', 'mif1', 'miaf')],
  ['a book', ftyp('M4B ', 'M4B ', 'mp42', 'isom')],
])('%s is none', (_, bytes) => expect(kindOf(bytes)).toBeUndefined())

test('QuickTime that says it is MP4 as well is one', () => {
  expect(kindOf(ftyp('qt  ', 'qt  ', 'isom'))?.extension).toBe('mp4')
})

test.each([
  ['hvc1', 'HEVC (H.265) in some'],
  ['hev1', 'HEVC (H.265) in some'],
  ['av01', 'AV1 in some'],
  ['vp09', 'VP9 everywhere'],
  ['apcn', 'Apple ProRes nowhere'],
  ['mp4v', 'MPEG-4 Visual nowhere'],
  ['encv', 'DRM nowhere'],
  ['vvc1', 'vvc1 in some'],
])('pictures by %s: %s', async (letters, said) => {
  expect((await look(mp4(Buffer.alloc(9), [track('vide', letters)]))).codecs).toEqual([said])
})

test.each([
  [track('soun', 'mp4a', esds(0x6b)), 'MP3 everywhere'],
  [track('soun', 'mp4a', esds(0xa9)), 'DTS nowhere'],
  [track('soun', 'mp4a'), 'AAC everywhere'],
  [track('soun', 'samr'), 'AMR nowhere'],
  [track('soun', 'sowt'), 'PCM in some'],
  [track('soun', 'Opus'), 'Opus everywhere'],
])('sound: %#', async (sound, said) => {
  expect((await look(mp4(Buffer.alloc(9), [H264, sound]))).codecs).toEqual(['H.264 everywhere', said])
})

test('ten bits of H.264, which phones do not show, are told from eight', async () => {
  const studio = track('vide', 'avc1', avcC(122))
  expect((await look(mp4(Buffer.alloc(9), [studio]))).codecs).toEqual(['H.264 (10 bit, 4:2:2) in some'])
})

test('wherever its description stands, in pieces or after gigabytes, little of it is read', async () => {
  const front = Buffer.concat([
    ftyp('iso6', 'iso6'),
    moov(H264, AAC),
    box('moof', Buffer.alloc(40)),
    box('mdat', Buffer.alloc(9)),
  ])
  expect((await look(front)).codecs).toHaveLength(2)
  const large = Buffer.concat([
    ftyp('mp42'),
    box('free'),
    largeBox('mdat', Buffer.alloc(3_000_000)),
    moov(track('meta', 'rtmd'), H264, AAC),
  ])
  const seen = await look(large)
  expect(seen.codecs).toEqual(['H.264 everywhere', 'AAC everywhere'])
  expect(seen.reads).toBeLessThan(20_000)
})

test.each([
  ['no description', 'cut off', Buffer.concat([ftyp('mp42'), box('mdat', Buffer.alloc(100))])],
  ['sound alone', 'no pictures', mp4(Buffer.alloc(9), [AAC])],
  ['an end that is missing', 'cut off', mp4(Buffer.alloc(5000)).subarray(0, 3000)],
  [
    'boxes without end',
    'cut off',
    Buffer.concat([ftyp('mp42'), ...Array.from({ length: 30_000 }, () => box('free')), moov(H264)]),
  ],
  ['a length of nothing', 'cut off', Buffer.concat([ftyp('mp42'), Buffer.from([0, 0, 0, 4, 1, 2, 3, 4]), moov(H264)])],
  [
    'a length beyond the file',
    'cut off',
    Buffer.concat([ftyp('mp42'), Buffer.from('ffffffff6d6f6f76', 'hex'), moov(H264)]),
  ],
] as const)('%s: no video, %s', async (_, why, bytes) => expect((await look(bytes)).codecs).toBe(why))

test('any bytes have an answer', async () => {
  for (let seed = 1; seed < 200; seed += 1) {
    const bytes = Buffer.from(mp4(Buffer.alloc(60)))
    for (let change = 0; change < 12; change += 1)
      bytes[(seed * 7919 + change * 104_729) % bytes.length] = (seed * 31 + change * 17) & 255
    await look(bytes)
  }
})
