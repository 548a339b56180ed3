import { defineConfig } from 'vitest/config'

const source = { conditions: ['xuecheng:source'] }
const node = { resolve: source, ssr: { resolve: source } }
/** What may take a moment is waited for as long as a busy machine needs. */
const patient = { expect: { poll: { timeout: 30_000 } } }

/** One runner for everything: what needs a server, a database or a browser starts the real one. */
export default defineConfig({
  test: {
    projects: [
      {
        ...node,
        test: {
          ...patient,
          name: 'unit',
          include: [
            'packages/*/{src,test}/**/*.test.ts',
            'apps/*/{src,admin,storefront}/**/*.test.ts',
            'tests/*.test.ts',
          ],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...node,
        test: {
          ...patient,
          name: 'system',
          include: ['tests/{integration,conformance,model}/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          // Two shops at a time: they wait for jobs and gateways more than they work.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...node,
        test: {
          ...patient,
          name: 'browser',
          include: ['tests/browser/**/*.test.ts'],
          testTimeout: 90_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
