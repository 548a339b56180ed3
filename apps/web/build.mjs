// Builds the pages, puts compressed twins beside them, holds the storefront's first page to its 80 kB of script, and sees
// to it that a buyer's browser can reach nothing of the back office.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'vite'

const FIRST_PAGE_LIMIT = 80 * 1024
const COMPRESSED = /\.(js|css|svg|html|json|txt)$/
const root = import.meta.dirname
const dist = join(root, 'dist')

const { output } = await build({ root, configFile: join(root, 'vite.config.ts'), logLevel: 'warn' })
keepApart()
compress()
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
    const strays = chunk.moduleIds.filter((id) => id.startsWith(join(root, 'admin/')))
    if (strays.length > 0) throw new Error(`the storefront's ${file} holds the back office's ${strays.join(', ')}`)
  }
  console.log(`The storefront reaches ${reached.size} files of script, none of the back office's`)
}

/** All script that opening `/` loads: the entry, what it imports, the home page's own chunk and the larger language. */
function reportFirstPage() {
  const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'))
  const gzipped = (file) => readFileSync(join(dist, `${file}.gz`)).length
  const reach = (key, seen = new Set()) => {
    const chunk = manifest[key]
    if (!chunk) throw new Error(`the build has no ${key}`)
    if (seen.has(chunk.file)) return seen
    if (chunk.file.endsWith('.js')) seen.add(chunk.file)
    for (const inner of chunk.imports ?? []) reach(inner, seen)
    return seen
  }
  const common = reach('index.html', reach('storefront/pages/HomePage.vue'))
  const totals = ['zh-CN', 'en'].map((language) => {
    const files = reach(`src/locales/${language}.ts`, new Set(common))
    return { language, files, bytes: [...files].reduce((sum, file) => sum + gzipped(file), 0) }
  })
  for (const { language, files, bytes } of totals) {
    console.log(`First page, ${language}: ${(bytes / 1024).toFixed(1)} kB of script (gzip) in ${files.size} files`)
    for (const file of files) console.log(`  ${(gzipped(file) / 1024).toFixed(1).padStart(6)} kB  ${file}`)
    if (bytes > FIRST_PAGE_LIMIT) throw new Error(`the first page's script is over ${FIRST_PAGE_LIMIT / 1024} kB`)
  }
}
