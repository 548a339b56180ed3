import { expect, test } from 'vitest'
import { nextTick, shallowRef } from 'vue'
import { copyOf, useVersioned } from './versioned.ts'

const course = (version: number, title: string, price: string) => ({ version, title, price })
const form = (stored: ReturnType<typeof course>) => {
  const loaded = shallowRef(stored)
  const made = useVersioned(
    () => loaded.value,
    (of) => ({ title: of?.title ?? '', price: of?.price ?? '' }),
  )
  return { loaded, ...made }
}

test('a form that was written in keeps the version that it was filled from, even if another is loaded in the background', async () => {
  const { loaded, fields, dirty, version } = form(course(3, '屏风', '39.00'))
  fields.title = '屏风与榫卯'
  loaded.value = course(4, '屏风', '49.00')
  await nextTick()
  expect([fields.title, fields.price, version(), dirty.value]).toEqual(['屏风与榫卯', '39.00', 3, true])
})

test('one that was not is filled anew', async () => {
  const { loaded, fields, dirty, version } = form(course(3, '屏风', '39.00'))
  loaded.value = course(4, '屏风', '49.00')
  await nextTick()
  expect([fields.price, version(), dirty.value]).toEqual(['49.00', 4, false])
})

test('of a conflict the other’s new price is proposed, and one’s own new title', () => {
  const { fields, theirs, differences, merge, version, dirty } = form(course(3, '屏风', '39.00'))
  fields.title = '屏风与榫卯'
  theirs.value = course(4, '屏风', '49.00')
  expect(differences.value).toEqual([
    { name: 'title', mine: '屏风与榫卯', theirs: '屏风', keep: 'mine' },
    { name: 'price', mine: '39.00', theirs: '49.00', keep: 'theirs' },
  ])
  merge(['price'])
  expect([fields, version(), dirty.value, theirs.value]).toEqual([
    { title: '屏风与榫卯', price: '49.00' },
    4,
    true,
    undefined,
  ])
})

test('a field that both changed is one’s own unless its author says otherwise', () => {
  const { fields, theirs, differences, merge } = form(course(3, '屏风', '39.00'))
  fields.price = '59.00'
  theirs.value = course(4, '屏风', '49.00')
  expect(differences.value).toMatchObject([{ name: 'price', keep: 'mine' }])
  merge([])
  expect(fields.price).toBe('59.00')
})

test('what was typed while it was being saved is not lost, and is on the new version', () => {
  const { fields, saved, dirty, version } = form(course(3, '屏风', '39.00'))
  fields.title = '甲'
  const sent = copyOf(fields)
  fields.title = '甲乙'
  saved(course(4, '甲', '39.00'), sent)
  expect([fields.title, dirty.value, version()]).toEqual(['甲乙', true, 4])
})

test('a version that differs in nothing that the form shows, as after a new chapter, is no conflict', async () => {
  const { loaded, fields, version, refused } = form(course(3, '屏风', '39.00'))
  fields.title = '甲'
  loaded.value = course(4, '屏风', '39.00')
  await nextTick()
  expect([version(), fields.title]).toEqual([4, '甲'])
  expect([refused(course(5, '屏风', '39.00')), version()]).toEqual([false, 5])
  expect([refused(course(6, '屏风', '49.00')), version()]).toEqual([true, 5])
})
