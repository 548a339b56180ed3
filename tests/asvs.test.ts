/** docs/security.md says of each requirement of OWASP ASVS 4.0.3, level 2, how it is met: none forgotten, none twice, and every test it names exists. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const VERDICTS = ['held', 'yours', 'n/a', 'not met']

/** The requirements of level 2, as `section: last numbers of its requirements`. */
const LEVEL_2 = `
V1.1: 1 2 3 4 5 6 7
V1.2: 1 2 3 4
V1.4: 1 4 5
V1.5: 1 2 3 4
V1.6: 1 2 3 4
V1.7: 1 2
V1.8: 1 2
V1.9: 1 2
V1.10: 1
V1.11: 1 2
V1.12: 2
V1.14: 1 2 3 4 5 6
V2.1: 1 2 3 4 5 6 7 8 9 10 11 12
V2.2: 1 2 3
V2.3: 1 2 3
V2.4: 1 2 3 4 5
V2.5: 1 2 3 4 5 6 7
V2.6: 1 2 3
V2.7: 1 2 3 4 5 6
V2.8: 1 2 3 4 5 6 7
V2.9: 1 2 3
V2.10: 1 2 3 4
V3.1: 1
V3.2: 1 2 3 4
V3.3: 1 2 3 4
V3.4: 1 2 3 4 5
V3.5: 1 2 3
V3.7: 1
V4.1: 1 2 3 5
V4.2: 1 2
V4.3: 1 2 3
V5.1: 1 2 3 4 5
V5.2: 1 2 3 4 5 6 7 8
V5.3: 1 2 3 4 5 6 7 8 9 10
V5.4: 1 2 3
V5.5: 1 2 3 4
V6.1: 1 2 3
V6.2: 1 2 3 4 5 6
V6.3: 1 2
V6.4: 1 2
V7.1: 1 2 3 4
V7.2: 1 2
V7.3: 1 3 4
V7.4: 1 2 3
V8.1: 1 2 3 4
V8.2: 1 2 3
V8.3: 1 2 3 4 5 6 7 8
V9.1: 1 2 3
V9.2: 1 2 3 4
V10.2: 1 2
V10.3: 1 2 3
V11.1: 1 2 3 4 5 6 7 8
V12.1: 1 2 3
V12.2: 1
V12.3: 1 2 3 4 5 6
V12.4: 1 2
V12.5: 1 2
V12.6: 1
V13.1: 1 3 4 5
V13.2: 1 2 3 5 6
V13.3: 1 2
V13.4: 1 2
V14.1: 1 2 3 4
V14.2: 1 2 3 4 5 6
V14.3: 2 3
V14.4: 1 2 3 4 5 6 7
V14.5: 1 2 3 4
`

const ids = LEVEL_2.trim()
  .split('\n')
  .flatMap((line) => {
    const [section = '', numbers = ''] = line.split(': ')
    return numbers.split(' ').map((number) => `${section}.${number}`)
  })

interface Row {
  readonly id: string
  readonly verdict: string
  readonly words: string
  readonly tests: readonly { readonly file: string; readonly name: string }[]
}

const rows: Row[] = readFileSync(join(ROOT, 'docs/security.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| V\d/.test(line))
  .map((line) => {
    const [id = '', verdict = '', words = '', held = ''] = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim())
    const tests = [...held.matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+)\)/g)].map(([, name = '', file = '']) => ({
      file,
      name: name.replaceAll('\\|', '|'),
    }))
    return { id, verdict, words, tests }
  })

test('every requirement is in the table once, with a verdict and words of its own', () => {
  expect(ids).toHaveLength(259)
  expect(rows.map(({ id }) => id)).toEqual(ids)
  expect(rows.filter(({ verdict, words }) => !VERDICTS.includes(verdict) || words === '').map(({ id }) => id)).toEqual(
    [],
  )
})

test('every test that the table names exists', () => {
  const texts = new Map<string, string>()
  const textOf = (file: string) => {
    const known = texts.get(file) ?? readFileSync(join(ROOT, file), 'utf8')
    texts.set(file, known)
    return known
  }
  const missing = rows.flatMap(({ id, tests }) =>
    tests.filter(({ file, name }) => !textOf(file).includes(name)).map(({ file, name }) => `${id}: ${file}: ${name}`),
  )
  expect(rows.filter(({ tests }) => tests.length > 0).length).toBeGreaterThan(100)
  expect(missing).toEqual([])
})
