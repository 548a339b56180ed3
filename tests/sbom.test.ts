/** The bill of materials names every third-party package of the lock file, with its version, licence and checksum. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')

interface Component {
  readonly purl: string
  readonly licenses?: readonly unknown[]
  readonly hashes?: readonly unknown[]
  readonly properties?: readonly { name: string }[]
}

const bill = JSON.parse(
  execFileSync('npm', ['run', '-s', 'sbom'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }),
) as { bomFormat: string; components: readonly Component[] }
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { version?: string; link?: boolean }>
}

test('every package of the lock file is in the bill of materials', () => {
  const listed = new Set(bill.components.map(({ purl }) => decodeURIComponent(purl).replace(/\?.*/, '')))
  const installed = Object.entries(lock.packages)
    .filter(([path, { link }]) => path.includes('node_modules/') && !link)
    .map(([path, { version }]) => `pkg:npm/${path.split('node_modules/').at(-1)}@${version}`)
  expect(bill.bomFormat).toBe('CycloneDX')
  expect(installed.length).toBeGreaterThan(100)
  expect(installed.filter((name) => !listed.has(name))).toEqual([])
})

const isTool = ({ properties }: Component) =>
  properties?.some(({ name }) => name === 'cdx:npm:package:development') === true

test('every third-party component has its checksum, and its licence where it is no development tool', () => {
  const foreign = bill.components.filter(({ purl }) => !purl.includes('%40xuecheng/'))
  const shipped = foreign.filter((component) => !isTool(component))
  expect(shipped.length).toBeGreaterThan(50)
  expect(shipped.filter(({ licenses }) => !licenses?.length).map(({ purl }) => purl)).toEqual([])
  expect(foreign.filter(({ hashes }) => !hashes?.length).map(({ purl }) => purl)).toEqual([])
})
