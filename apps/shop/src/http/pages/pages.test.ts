/** Which path gets which answer: pages, built files, the operator's own files, and a clear 404 for the rest. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Application, createApplication } from '../application.ts'
import { createOverload } from '../load/overload.ts'
import { ownFiles } from './own-files.ts'
import { addPages } from './pages.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-pages-'))
const built = join(folder, 'dist')
const own = join(folder, 'data/public')
let app: Application

beforeAll(async () => {
  for (const each of ['dist/admin', 'dist/assets', 'data/public/.well-known', 'data/public/folder.txt', 'data/keys'])
    mkdirSync(join(folder, each), { recursive: true })
  const files = {
    'dist/index.html': '<title>shop</title>',
    'dist/admin/index.html': '<title>office</title>',
    'dist/assets/a.js': 'a',
    'dist/robots.txt': 'ours',
    'dist/favicon.ico': 'icon',
    'dist/.routes.json': JSON.stringify({
      storefront: ['^\\/\\/?$', '^\\/orders\\/([^/]+?)\\/?$'],
      backOffice: ['^\\/\\/?$', '^\\/orders\\/?$'],
    }),
    'data/public/MP_verify_abcdefghijklmnop.txt': 'abcdefghijklmnop',
    'data/public/.well-known/security.txt': 'Contact: mailto:a@b.example',
    'data/public/page.html': '<p>x',
    'data/public/run.js': 'alert(1)',
    'data/public/.hidden.txt': 'hidden',
    'data/public/big.txt': 'x'.repeat(1024 * 1024 + 1),
    'data/keys/secret.txt': 'secret',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  symlinkSync('../keys/secret.txt', join(own, 'link.txt'))
  symlinkSync('page.html', join(own, 'inside.html'))
  app = await createApplication({
    logger: pino({ level: 'silent' }),
    trustedProxies: 0,
    publicUrl: 'http://127.0.0.1',
    overload: createOverload(10),
  })
  const injectMetadata = (html: string) => html
  await addPages(app, { injectMetadata, picture: () => undefined, own: ownFiles(own) }, built)
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true })
})

const get = async (url: string) => {
  const { statusCode, headers, body } = await app.inject({ method: 'GET', url })
  return [statusCode, String(headers['content-type']).split(';')[0], body.slice(0, 30)]
}
const MISSING = [404, 'application/problem+json', expect.anything()]

test.each([
  ['/', [200, 'text/html', '<title>shop</title>']],
  ['/orders/123?x=1', [200, 'text/html', '<title>shop</title>']],
  ['/admin', [200, 'text/html', '<title>office</title>']],
  ['/admin/orders/', [200, 'text/html', '<title>office</title>']],
  ['/assets/a.js', [200, 'application/javascript', 'a']],
  // Unknown paths: the page shows its own message, and the status is 404 too.
  ['/no/such/page', [404, 'text/html', '<title>shop</title>']],
  ['/admin/none', [404, 'text/html', '<title>office</title>']],
  ['/wp-login.php', MISSING],
  ['/assets/none.js', MISSING],
  ['/.env', MISSING],
  ['/metrics', MISSING],
  ['/api/none', MISSING],
  // Files that other services request from a site.
  ['/robots.txt', [200, 'text/plain', 'ours']],
  ['/favicon.ico', [200, 'image/vnd.microsoft.icon', 'icon']],
  ['/MP_verify_abcdefghijklmnop.txt', [200, 'text/plain', 'abcdefghijklmnop']],
  ['/MP_verify_other.txt', MISSING],
  ['/.well-known/security.txt', [200, 'text/plain', 'Contact: mailto:a@b.example']],
  ['/page.html', [200, 'text/html', '<p>x']],
  ['/inside.html', [200, 'text/html', '<p>x']],
  // Nothing outside of the folder, nothing hidden, nothing large, no folder, nothing that would run.
  ['/link.txt', MISSING],
  ['/.hidden.txt', MISSING],
  ['/run.js', MISSING],
  ['/big.txt', MISSING],
  ['/folder.txt', MISSING],
  ['/..%2fkeys%2fsecret.txt', MISSING],
  ['/../keys/secret.txt', MISSING],
  ['/.well-known/..%2f..%2fkeys/secret.txt', MISSING],
  ['/.well-known/../page.html/', [404, 'text/html', '<title>shop</title>']],
  ['/page.html%00.txt', [422, 'application/problem+json', expect.anything()]],
  ['//page.html', MISSING],
])('%s', async (url, expected) => {
  expect(await get(url)).toEqual(expected)
})

test('the operator’s robots.txt replaces the built one', async () => {
  writeFileSync(join(own, 'robots.txt'), 'mine')
  expect(await get('/robots.txt')).toEqual([200, 'text/plain', 'mine'])
  rmSync(join(own, 'robots.txt'))
  expect(await get('/robots.txt')).toEqual([200, 'text/plain', 'ours'])
})

test('a method other than GET and HEAD gets a problem, never a page', async () => {
  expect((await app.inject({ method: 'POST', url: '/robots.txt' })).statusCode).toBe(404)
  const head = await app.inject({ method: 'HEAD', url: '/MP_verify_abcdefghijklmnop.txt' })
  expect([head.statusCode, head.body]).toEqual([200, ''])
})
