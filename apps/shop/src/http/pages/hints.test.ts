/** The preload hints of an entry page, by its address and the reader's language. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Hint, readHints } from './hints.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-hints-'))
let hint: Hint

beforeAll(() => {
  const pages = [
    { path: '^/$', files: ['/assets/home.js', '/assets/home.css'], asks: ['/api/courses'] },
    { path: '^/courses/(\\d+)$', files: ['/assets/course.js'], asks: ['/api/courses/$1'] },
  ]
  const languages = { 'zh-CN': ['/assets/zh.js'], en: ['/assets/en.js'] }
  writeFileSync(join(folder, '.hints.json'), JSON.stringify({ pages, languages }))
  hint = readHints(folder, (path) => (path === '/' ? '/covers/16.svg' : undefined))
})
afterAll(() => rmSync(folder, { recursive: true }))

const links = (html: string) => html.match(/<link [^>]*>/g) ?? []
const script = (name: string) => `<link rel="modulepreload" crossorigin href="/assets/${name}.js">`
const asked = (address: string) => `<link rel="preload" as="fetch" crossorigin href="${address}">`

const HOME = [script('home'), '<link rel="stylesheet" crossorigin href="/assets/home.css">']
const COVER = '<link rel="preload" as="image" href="/covers/16.svg">'

test.each([
  ['/', undefined, [script('zh'), ...HOME, asked('/api/courses'), COVER]],
  ['/', 'en-GB,en;q=0.9,zh;q=0.8', [script('en'), ...HOME, asked('/api/courses'), COVER]],
  ['/?category=code', 'zh-CN', [script('zh'), ...HOME]],
  ['/courses/27', 'zh-CN', [script('zh'), script('course'), asked('/api/courses/27')]],
  ['/courses/27"><script>', 'zh-CN', [script('zh')]],
  ['/orders', 'zh-CN', [script('zh')]],
])('%s for %s', (url, language, expected) => {
  expect(links(hint('<head></head>', url, language))).toEqual(expected)
})

test('pages built without hints are unchanged', () => {
  expect(readHints(tmpdir(), () => undefined)('<head></head>', '/', 'en')).toBe('<head></head>')
})
