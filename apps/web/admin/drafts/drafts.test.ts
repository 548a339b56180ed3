/** Drafts in the browser: per account, limited in number, size and age, and deleted on demand. */
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { dropDraft, dropDraftsOf, keyOf, readDraft, writeDraft } from './drafts.ts'

const DAY = 86_400_000
const now = Date.UTC(2026, 10, 30)
let stored: Map<string, string>

beforeEach(() => {
  stored = new Map()
  vi.stubGlobal('localStorage', {
    get length() {
      return stored.size
    },
    key: (place: number) => [...stored.keys()][place] ?? null,
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, text: string) => void stored.set(key, text),
    removeItem: (key: string) => void stored.delete(key),
  })
})
afterAll(() => void vi.unstubAllGlobals())

const draft = (at: number, text = 'typed') => ({ at, version: 3, from: { text: '' }, fields: { text } })

test('a draft is read as it was written, for seven days', () => {
  writeDraft(keyOf(7, '/x'), draft(now))
  expect(readDraft(keyOf(7, '/x'), now + DAY)).toEqual(draft(now))
  expect(readDraft(keyOf(8, '/x'), now)).toBeUndefined()
  expect(readDraft(keyOf(7, '/x'), now + 8 * DAY)).toBeUndefined()
  dropDraft(keyOf(7, '/x'))
  expect(stored.size).toBe(0)
})

test('what is no draft is none', () => {
  for (const text of [
    '',
    'x',
    '1',
    'null',
    '[]',
    '{"at":"x","fields":{}}',
    '{"at":1}',
    '{"at":1,"fields":3}',
    '{"at":1,"version":1,"fields":{}}',
    '{"at":1,"version":1,"from":{},"fields":[]}',
  ]) {
    stored.set(keyOf(7, '/x'), text)
    expect([text, readDraft(keyOf(7, '/x'), 1)]).toEqual([text, undefined])
  }
})

test('the newest twenty stay, and nothing too long; what is not a draft is left alone', () => {
  stored.set('xuecheng.language', 'en')
  for (let page = 0; page < 30; page += 1) writeDraft(keyOf(7, `/${page}`), draft(now + page))
  expect(stored.size).toBe(21)
  expect(stored.has(keyOf(7, '/9'))).toBe(false)
  expect(stored.has(keyOf(7, '/10'))).toBe(true)
  writeDraft(keyOf(7, '/long'), draft(now, 'x'.repeat(400_000)))
  expect(stored.has(keyOf(7, '/long'))).toBe(false)
  expect(stored.get('xuecheng.language')).toBe('en')
})

test('a logout takes all of this account’s, and no other’s', () => {
  for (const id of [7, 71]) writeDraft(keyOf(id, '/x'), draft(now))
  dropDraftsOf(7)
  expect([...stored.keys()]).toEqual([keyOf(71, '/x')])
})

test('with storage switched off, or full, nothing is kept and nothing breaks', () => {
  const refuses = () => {
    throw new Error('denied')
  }
  vi.stubGlobal('localStorage', { getItem: refuses, setItem: refuses, removeItem: refuses, key: refuses, length: 1 })
  writeDraft(keyOf(7, '/x'), draft(now))
  dropDraftsOf(7)
  expect(readDraft(keyOf(7, '/x'), now)).toBeUndefined()
})
