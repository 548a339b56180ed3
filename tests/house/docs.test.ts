/** The pages for newcomers name files and functions that are there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

test.each(['docs/walkthrough.md', 'docs/how-to.md', 'docs/design.md', 'docs/money.md'])(
  'every file and function that %s names is there',
  (page) => {
    const text = readFileSync(join(ROOT, page), 'utf8')
    const steps = [...text.matchAll(/`((?:[\w-]+\/)*[\w-]+\.ts)`(?:\s+`(\w+)`)?/g)]
    expect(steps.length).toBeGreaterThan(8)
    const wrong = steps.filter(([, path = '', name]) => {
      const found = [join(ROOT, path), join(ROOT, 'apps/shop/src', path), join(ROOT, 'apps/shop/src/payments', path)]
      const file = found.find((each) => existsSync(each))
      if (!file) return true
      return name !== undefined && !new RegExp(`\\b${name}\\b`).test(readFileSync(file, 'utf8'))
    })
    expect(wrong.map(([step]) => step)).toEqual([])
  },
)
