/**
 * The libraries that consist of many small modules, packed into one file or a few each. A process of the shop loads 1,500 of its
 * 1,900 modules less that way, which is most of what a start costs. The code is the same; a test that names its own copy of the
 * project starts it without this.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { types } from 'node:util'
import { rolldown } from 'rolldown'

const ROOT = join(import.meta.dirname, '../..')
const require = createRequire(join(ROOT, 'apps/shop/package.json'))
/** In `node_modules`, so that a packed library finds the ones that are not packed. */
const KEPT = join(ROOT, 'node_modules/.cache/test-libraries')
const LIBRARIES = [
  'typebox',
  'typebox/value',
  'typebox/compile',
  'typebox/error',
  'typebox/format',
  '@fastify/type-provider-typebox',
  'kysely',
  'kysely/helpers/postgres',
  'jose',
  'fastify',
  '@fastify/cookie',
  '@fastify/fast-json-stringify-compiler',
  '@fastify/multipart',
  '@fastify/static',
  '@fastify/swagger',
  'prom-client',
]
/** They find files beside their own. */
const NOT_PACKED = /^(node:|pino$|thread-stream$)/

/** The flags that make a Node process load the packed libraries. */
export async function packedLibraries(): Promise<string[]> {
  const folder = join(KEPT, key())
  if (!existsSync(folder)) await pack(folder)
  return ['--import', pathToFileURL(join(folder, HOOK)).href]
}

const HOOK = 'hook.mjs'
const nameOf = (library: string): string => library.replaceAll('/', '_')

function key(): string {
  const sum = createHash('sha256')
  for (const file of [join(ROOT, 'package-lock.json'), import.meta.filename]) sum.update(readFileSync(file))
  return sum.digest('hex').slice(0, 16)
}

/** Made beside its place and renamed: several test files may do so at once, and the first one counts. */
async function pack(folder: string): Promise<void> {
  mkdirSync(KEPT, { recursive: true })
  const draft = mkdtempSync(join(KEPT, 'new-'))
  try {
    const entries = LIBRARIES.map((library) => {
      const file = join(draft, `${nameOf(library)}.entry.mjs`)
      writeFileSync(file, entryOf(library))
      return [nameOf(library), file]
    })
    const bundle = await rolldown({ input: Object.fromEntries(entries), platform: 'node', external: NOT_PACKED })
    await bundle.write({ dir: draft, format: 'esm', entryFileNames: '[name].mjs', keepNames: true })
    await bundle.close()
    writeFileSync(join(draft, HOOK), hook(folder))
    renameSync(draft, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** What a library exports; of a CommonJS module the names are those it has once it is loaded. */
function entryOf(library: string): string {
  const path = JSON.stringify(require.resolve(library))
  const loaded: object = require(library)
  if (types.isModuleNamespaceObject(loaded)) {
    return `export * from ${path}\n${'default' in loaded ? `export { default } from ${path}\n` : ''}`
  }
  const names = Object.keys(loaded).filter((name) => name !== 'default')
  return `import library from ${path}\nexport default library\nexport const { ${names.join(', ')} } = library\n`
}

/** A module that tells Node where the packed libraries are. */
function hook(folder: string): string {
  const places = LIBRARIES.map((library) => [library, pathToFileURL(join(folder, `${nameOf(library)}.mjs`)).href])
  return `import { registerHooks } from 'node:module'
const places = new Map(${JSON.stringify(places)})
registerHooks({
  resolve(specifier, context, next) {
    const url = context.conditions.includes('import') && places.get(specifier)
    return url ? { url, shortCircuit: true } : next(specifier, context)
  },
})
`
}
