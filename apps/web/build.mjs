// Builds the pages, puts compressed twins beside them, writes down what a first page needs at once, holds the storefront's
// to its 80 kB of script and all of it to the browsers that package.json states, and sees to it that a buyer's browser can
// reach nothing of the back office.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build, runnerImport } from 'vite'
import { createRouterMatcher } from 'vue-router'
import { checkFloor } from './build/floor/check.ts'

const FIRST_PAGE_LIMIT = 80 * 1024
/** Where visits begin, and what is asked for there: `$1` is what the address's brackets hold. */
const LANDINGS = [
  {
    path: '^/$',
    page: 'storefront/pages/courses/HomePage.vue',
    asks: ['/api/shop', '/api/categories', '/api/courses'],
  },
  {
    path: '^/courses/(\\d+)$',
    page: 'storefront/pages/courses/CoursePage.vue',
    asks: ['/api/shop', '/api/courses/$1'],
  },
]
const LANGUAGES = ['zh-CN', 'en']
const COMPRESSED = /\.(js|css|svg|html|json|txt)$/
const root = import.meta.dirname
const dist = join(root, 'dist')

const { output } = await build({ root, configFile: join(root, 'vite.config.ts'), logLevel: 'warn' })
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'))
keepApart()
checkFloor(join(dist, 'assets'))
compress()
writeHints()
await writeRoutes()
reportFirstPage()
rmSync(join(dist, '.vite'), { recursive: true })

function compress() {
  const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const entry of files) {
    const file = join(entry.parentPath, entry.name)
    if (!COMPRESSED.test(file)) continue
    const content = readFileSync(file)
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
    writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
  }
}

/** Whatever the storefront may ever load, now or later: none of it holds a line of the back office. */
function keepApart() {
  const chunks = new Map(output.filter(({ type }) => type === 'chunk').map((chunk) => [chunk.fileName, chunk]))
  const entry = [...chunks.values()].find(({ isEntry, name }) => isEntry && name === 'index')
  const reached = new Set([entry.fileName])
  for (const file of reached) {
    const chunk = chunks.get(file)
    for (const inner of [...chunk.imports, ...chunk.dynamicImports]) if (chunks.has(inner)) reached.add(inner)
    const leaked = chunk.moduleIds.filter((id) => id.startsWith(join(root, 'admin/')))
    if (leaked.length > 0) throw new Error(`the storefront's ${file} holds the back office's ${leaked.join(', ')}`)
  }
  console.log(`The storefront reaches ${reached.size} files of script, none of the back office's`)
}

/** For the server, which says in an entry page what the browser should fetch at once instead of one after the other. */
function writeHints() {
  const known = reach('index.html')
  const added = (key) => [...reach(key)].filter((file) => !known.has(file)).map((file) => `/${file}`)
  const pages = LANDINGS.map(({ path, page, asks }) => ({ path, files: added(page), asks }))
  const languages = Object.fromEntries(LANGUAGES.map((language) => [language, added(`src/locales/${language}.ts`)]))
  writeFileSync(join(dist, '.hints.json'), JSON.stringify({ pages, languages }))
}

/** For the server, so that an address which is none of the pages' is a 404: the patterns of both routers. */
async function writeRoutes() {
  const patterns = async (file) => {
    const { module } = await runnerImport(join(root, file), { root, configFile: false, logLevel: 'warn' })
    const known = createRouterMatcher(module.routes, {})
    return known.getRoutes().flatMap(({ re, record }) => (record.name === 'not-found' ? [] : [re.source]))
  }
  const [storefront, backOffice] = [await patterns('storefront/routes.ts'), await patterns('admin/routes.ts')]
  writeFileSync(join(dist, '.routes.json'), JSON.stringify({ storefront, backOffice }))
}

/** All script that opening `/` loads: the entry, what it imports, the home page's own chunk and the larger language. */
function reportFirstPage() {
  const gzipped = (file) => readFileSync(join(dist, `${file}.gz`)).length
  const common = reach('index.html', reach('storefront/pages/courses/HomePage.vue'))
  const totals = LANGUAGES.map((language) => {
    const all = [...reach(`src/locales/${language}.ts`, new Set(common))]
    const files = all.filter((file) => file.endsWith('.js'))
    return { language, files, bytes: files.reduce((sum, file) => sum + gzipped(file), 0) }
  })
  for (const { language, files, bytes } of totals) {
    console.log(`First page, ${language}: ${(bytes / 1024).toFixed(1)} kB of script (gzip) in ${files.length} files`)
    for (const file of files) console.log(`  ${(gzipped(file) / 1024).toFixed(1).padStart(6)} kB  ${file}`)
    if (bytes > FIRST_PAGE_LIMIT) throw new Error(`the first page's script is over ${FIRST_PAGE_LIMIT / 1024} kB`)
  }
}

/** The scripts and styles of a module and of all it imports, besides those seen. */
function reach(key, seen = new Set()) {
  const chunk = manifest[key]
  if (!chunk) throw new Error(`the build has no ${key}`)
  if (seen.has(chunk.file)) return seen
  seen.add(chunk.file)
  for (const style of chunk.css ?? []) seen.add(style)
  for (const inner of chunk.imports ?? []) reach(inner, seen)
  return seen
}
