/** The project's own source files, as the rules about them read them. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

export interface Source {
  /** From the project's root, with slashes. */
  readonly path: string
  readonly text: string
  /** Paths of the files of the project that it imports, types and lazy ones included. */
  readonly imports: readonly string[]
}

const IMPORT = /(?:from|import)\s*\(?\s*'(\.[^']+)'|new URL\('(\.[^']+\.ts)'/g
const SKIPPED = /node_modules|\/dist\/|\.d\.ts$/

/** All TypeScript and Vue files below the folders, tests (`*.test.ts`) left out. */
export function readSources(...folders: string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|vue)$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !SKIPPED.test(file))
      .map((file) => {
        const text = readFileSync(file, 'utf8')
        const imports = [...text.matchAll(IMPORT)].map(([, plain, url]) =>
          relative(ROOT, resolve(dirname(file), plain ?? url ?? '')),
        )
        return { path: relative(ROOT, file), text, imports }
      }),
  )
}

/** Groups of files of which each imports, at last, itself (Tarjan's strongly connected components of more than one). */
export function circlesOf(sources: readonly Source[]): string[][] {
  const known = new Map(sources.map((source) => [source.path, source]))
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const circles: string[][] = []
  const visit = (path: string): void => {
    index.set(path, index.size)
    low.set(path, index.get(path) ?? 0)
    stack.push(path)
    for (const next of known.get(path)?.imports ?? []) {
      if (!known.has(next)) continue
      if (!index.has(next)) visit(next)
      if (stack.includes(next)) low.set(path, Math.min(low.get(path) ?? 0, low.get(next) ?? 0))
    }
    if (low.get(path) !== index.get(path)) return
    const circle = stack.splice(stack.indexOf(path))
    if (circle.length > 1) circles.push(circle.sort())
  }
  for (const { path } of sources) if (!index.has(path)) visit(path)
  return circles
}
