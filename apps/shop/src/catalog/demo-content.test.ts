/** Checks the demo catalogue: prices, previews, and lessons that have content. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseYuan } from '../money.ts'
import { DEMO_FOLDER, DEMO_VIDEOS, readDemo } from './demo.ts'

const { categories, courses, teachers } = readDemo()
const fenOf = (price: string) => {
  const fen = parseYuan(price)
  if (fen === undefined) throw new Error(`"${price}" is no price`)
  return BigInt(fen)
}
const lessonsOf = (course: (typeof courses)[number]) => course.chapters.flatMap((chapter) => chapter.lessons)

test('course 1 costs 39.00, and 1, 2 and 3 together 138.00', () => {
  const fen = courses.slice(0, 3).map((course) => fenOf(course.price))
  expect(fen[0]).toBe(3900n)
  expect(fen.reduce((sum, one) => sum + one, 0n)).toBe(13800n)
})

test('there are enough courses, in every category, some of them free and some in English', () => {
  expect(courses.length).toBeGreaterThanOrEqual(14)
  expect(teachers.length).toBeGreaterThanOrEqual(6)
  expect(courses.filter((course) => course.price === '0.00').length).toBeGreaterThanOrEqual(3)
  expect(courses.filter((course) => course.language === 'en').length).toBeGreaterThanOrEqual(2)
  expect(new Set(courses.map((course) => course.category))).toEqual(new Set(categories.map((one) => one.slug)))
  expect(new Set(courses.map((course) => course.slug)).size).toBe(courses.length)
  expect(courses.some((course) => fenOf(course.price) > 20000n)).toBe(true)
  expect(courses.some((course) => course.originalPrice !== null)).toBe(true)
  expect(courses.flatMap(lessonsOf).length).toBeGreaterThanOrEqual(60)
})

test('every lesson file belongs to one lesson, and every video to one at least', () => {
  const lessons = courses.flatMap(lessonsOf)
  const files = lessons.map((lesson) => lesson.file)
  const there = readdirSync(join(DEMO_FOLDER, 'courses'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `courses/${name}`)
  expect(files.toSorted()).toEqual(there.toSorted())
  const videos = readdirSync(DEMO_VIDEOS).filter((name) => name.endsWith('.mp4'))
  expect(videos.toSorted()).toEqual(lessons.flatMap((lesson) => lesson.video ?? []).toSorted())
  for (const video of videos) expect(statSync(join(DEMO_VIDEOS, video)).size).toBeLessThanOrEqual(600_000)
})

test.each(courses)('$slug can be sold and read', (course) => {
  expect(teachers.map((one) => one.slug)).toContain(course.teacher)
  expect(course.outcomes.length).toBeGreaterThanOrEqual(3)
  expect(lessonsOf(course).length).toBeGreaterThanOrEqual(3)
  expect(lessonsOf(course).some((lesson) => lesson.preview)).toBe(true)
  if (course.originalPrice !== null) {
    expect(fenOf(course.originalPrice)).toBeGreaterThan(fenOf(course.price))
  }
  for (const lesson of lessonsOf(course)) {
    const text = readFileSync(join(DEMO_FOLDER, lesson.file), 'utf8')
    const prose = text.replace(/```[\s\S]*?```/g, '').replace(/`[^`]*`/g, '')
    expect(text.startsWith('## '), lesson.file).toBe(true)
    const length = prose.match(/\p{Script=Han}|[A-Za-z’']+/gu)?.length ?? 0
    expect(length, lesson.file).toBeGreaterThanOrEqual(200)
    expect(prose, lesson.file).not.toMatch(/<[a-z/!]|!\[|https?:/i)
    if (lesson.video !== undefined) expect(existsSync(join(DEMO_VIDEOS, lesson.video)), lesson.video).toBe(true)
  }
})
