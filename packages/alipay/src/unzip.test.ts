import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeGbk as gbk } from '../test/gbk.ts'
import { zip } from '../test/zip.ts'
import { BillError } from './errors.ts'
import { unzip } from './unzip.ts'

const file = (name: string, content: string | Buffer) => ({ name: gbk(name), content: Buffer.from(content) })
const MOST = 1_000_000
const BY_PYTHON =
  'UEsDBBQAAAAIAAAAIVxRzrIKCAAAAPQBAAAFAAAAYS5jc3arqBgFIw0AAFBLAwQUAAAICAAAACFcFSbb+wMAAAABAAAACgAAAOaYjue7hi5jc3arBABQSwECFAMUAAAACAAAACFcUc6yCggAAAD0AQAABQAAAAAAAAAAAAAAgAEAAAAAYS5jc3ZQSwECFAMUAAAICAAAACFcFSbb+wMAAAABAAAACgAAAAAAAAAAAAAAgAErAAAA5piO57uGLmNzdlBLBQYAAAAAAgACAGsAAABWAAAAAAA='

describe('reads', () => {
  test('names in GBK without a flag, in UTF-8 with it; deflated and stored; an archive with a comment', async () => {
    const archive = zip(
      [
        file('20880000000000000156_20190916_业务明细(汇总).csv', 'one'),
        { name: Buffer.from('明细.csv'), content: Buffer.from('two'), flags: 0x800 },
        { ...file('stored.csv', 'three'), stored: true },
        file('empty.csv', ''),
        file('folder/', ''),
      ],
      { comment: Buffer.from('a comment') },
    )
    const entries = await unzip(archive, MOST)
    expect(entries.map(({ name, content }) => [name, content.toString()])).toEqual([
      ['20880000000000000156_20190916_业务明细(汇总).csv', 'one'],
      ['明细.csv', 'two'],
      ['stored.csv', 'three'],
      ['empty.csv', ''],
    ])
  })

  test("an archive written by Python's zipfile", async () => {
    const entries = await unzip(Buffer.from(BY_PYTHON, 'base64'), MOST)
    expect(entries.map(({ name, content }) => [name, content.length])).toEqual([
      ['a.csv', 500],
      ['明细.csv', 1],
    ])
  })
})

describe('refuses', () => {
  const refused = (archive: Buffer, code: string, most = MOST) =>
    expect(unzip(archive, most)).rejects.toThrow(expect.objectContaining({ name: 'BillError', code }))

  test('refuses what is not an archive, and an archive truncated at any byte', async () => {
    await refused(Buffer.alloc(0), 'BILL_ARCHIVE_DAMAGED')
    await refused(Buffer.from('下载超时，请重新下载'), 'BILL_ARCHIVE_DAMAGED')
    const archive = zip([file('a.csv', 'some content'), file('b.csv', 'more')])
    for (let length = 0; length < archive.length; length += 1)
      await refused(archive.subarray(0, length), 'BILL_ARCHIVE_DAMAGED')
  })

  test('refuses a checksum, size or method that does not match the content', async () => {
    await refused(zip([{ ...file('a', 'content'), crc: 1 }]), 'BILL_ARCHIVE_DAMAGED')
    await refused(zip([{ ...file('a', 'content'), size: 6 }]), 'BILL_ARCHIVE_DAMAGED')
    await refused(zip([{ ...file('a', 'content'), size: 8 }]), 'BILL_ARCHIVE_DAMAGED')
    await refused(zip([{ ...file('a', 'content'), method: 12 }]), 'BILL_ARCHIVE_DAMAGED')
    await refused(zip([{ ...file('a', 'content'), flags: 1 }]), 'BILL_ARCHIVE_DAMAGED')
    await refused(zip([file('a', 'content')], { count: 2 }), 'BILL_ARCHIVE_DAMAGED')
  })

  test('refuses a zip bomb: by its declared size, its real size, the sum of its files, and their number', async () => {
    const zeros = Buffer.alloc(20 * 1024 * 1024)
    await refused(zip([file('a', zeros)]), 'BILL_TOO_LARGE')
    await refused(zip([{ ...file('a', zeros), size: 10 }]), 'BILL_ARCHIVE_DAMAGED')
    const half = Buffer.alloc(600_000)
    await refused(zip([file('a', half), file('b', half)]), 'BILL_TOO_LARGE')
    await refused(zip(Array.from({ length: 65 }, () => file('a', ''))), 'BILL_ARCHIVE_DAMAGED')
  })

  test('with any byte changed: a BillError or the right content', async () => {
    const good = zip([file('a.csv', 'some content, some content')])
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const bad = Buffer.from(good)
        bad.writeUInt8((bad.readUInt8(at) + by) % 256, at)
        const read = await unzip(bad, MOST).catch((error: unknown) => error)
        if (read instanceof BillError) return
        expect(Array.isArray(read)).toBe(true)
        for (const entry of read as { content: Buffer }[])
          expect(entry.content.toString()).toBe('some content, some content')
      }),
      { numRuns: 500 },
    )
  })
})
