/**
 * The libraries that consist of hundreds of small modules, packed into a few files each. A process of the shop loads a thousand
 * modules less that way, and starts in two thirds of the time. The code is the same; a test that names its own copy of the project
 * starts it without this.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

const ROOT = join(import.meta.dirname, '../..')
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
]
const NOT_PACKED = /^(node:|ajv|fastify)/

/** The flags that make a Node process load the packed libraries. */
export async function packedLibraries(): Promise<string[]> {
  const folder = join(KEPT, key())
  if (!existsSync(folder)) await pack(folder)
  return ['--import', pathToFileURL(join(folder, HOOK)).href]
}

const HOOK = 'hook.mjs'
const fileOf = (library: string): string => `${library.replaceAll('/', '_')}.mjs`

function key(): string {
  const sum = createHash('sha256')
  for (const file of [join(ROOT, 'package-lock.json'), import.meta.filename]) sum.update(readFileSync(file))
  return sum.digest('hex').slice(0, 16)
}

/** Made beside its place and renamed: several test files may do so at once, and the first one counts. */
async function pack(folder: string): Promise<void> {
  mkdirSync(KEPT, { recursive: true })
  const draft = mkdtempSync(join(KEPT, 'new-'))
  const bundle = await rolldown({
    input: Object.fromEntries(LIBRARIES.map((library) => [library.replaceAll('/', '_'), library])),
    cwd: join(ROOT, 'apps/shop'),
    platform: 'node',
    external: NOT_PACKED,
  })
  await bundle.write({ dir: draft, format: 'esm', entryFileNames: '[name].mjs', keepNames: true })
  await bundle.close()
  writeFileSync(join(draft, HOOK), hook(folder))
  try {
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}

/** A module that tells Node where the packed libraries are. */
function hook(folder: string): string {
  const places = LIBRARIES.map((library) => [library, pathToFileURL(join(folder, fileOf(library))).href])
  return `import { registerHooks } from 'node:module'
const places = new Map(${JSON.stringify(places)})
registerHooks({
  resolve(specifier, context, next) {
    const url = places.get(specifier)
    return url ? { url, shortCircuit: true } : next(specifier, context)
  },
})
`
}
