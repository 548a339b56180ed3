import { availableParallelism, totalmem } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const source = { conditions: ['xuecheng:source'] }
const node = { resolve: source, ssr: { resolve: source } }
/** How long anything may take, in milliseconds: as long as a busy machine needs. A test that needs longer says so itself. */
const LIMITS = { poll: 60_000, unit: 120_000, system: 300_000, browser: 300_000, hook: 300_000 }
const patient = { expect: { poll: { timeout: LIMITS.poll } }, hookTimeout: LIMITS.hook }

const CORES = availableParallelism()
/**
 * Files that start a whole shop, some with a browser, spend half of their time waiting for jobs, gateways and pages: two for
 * each core run at once, where each has two gigabytes of memory.
 */
const shops = { maxWorkers: Math.max(2, Math.min(2 * CORES, Math.floor(totalmem() / 2 ** 31))) }

/** Tests that measure time or flood a shop: they run after the others, two at once. */
const UNDER_LOAD =
  'tests/integration/{catalog,failover,fair-turns,hashing,hostile,prove,slow-connections,stress}.test.ts'

/** Short files that take long: each visits many pages, or races every pair of operations. */
const LONGEST =
  /browser\/(back-office-(pages|dialogs)|pages|narrow|shop-states|day-use|payment-unknown|phones|wechat)|model\/races/

/**
 * The longest files start first, so that none runs alone at the end; the runner itself goes by size where it has not timed them
 * yet. The projects take turns: files with a browser keep a core busy, while the others wait for much of their time.
 */
class TakingTurns extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = (await super.sort(files)).toSorted(
      (one, other) => Number(LONGEST.test(other.moduleId)) - Number(LONGEST.test(one.moduleId)),
    )
    const queues = Object.values(Object.groupBy(sorted, ({ project }) => project.name))
    const turns = queues.flatMap((queue = []) => queue.map((file, index) => ({ file, at: index / queue.length })))
    return turns.toSorted((one, other) => one.at - other.at).map(({ file }) => file)
  }
}

/** One runner for everything: what needs a server, a database or a browser starts the real one. */
export default defineConfig({
  test: {
    globalSetup: 'tests/harness/shared/setup.ts',
    sequence: { sequencer: TakingTurns },
    projects: [
      {
        ...node,
        test: {
          ...patient,
          name: 'unit',
          include: [
            'packages/*/{src,test}/**/*.test.ts',
            'apps/shop/src/**/*.test.ts',
            'tests/*.test.ts',
            'tests/house/*.test.ts',
          ],
          testTimeout: LIMITS.unit,
          // A process runs many files, since loading the same modules for each took longer than the tests: a file puts back
          // what it changes of its process.
          isolate: false,
          // The runner itself would leave one core free.
          maxWorkers: CORES,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...node,
        test: {
          ...patient,
          name: 'web',
          // Each file in modules of its own: the language that a page shows is kept by a module.
          include: ['apps/web/{src,admin,storefront,build}/**/*.test.ts'],
          testTimeout: LIMITS.unit,
          maxWorkers: CORES,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...node,
        test: {
          ...patient,
          name: 'system',
          include: ['tests/{integration,conformance,model}/**/*.test.ts'],
          exclude: [UNDER_LOAD],
          testTimeout: LIMITS.system,
          ...shops,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...node,
        test: {
          ...patient,
          name: 'load',
          include: [UNDER_LOAD],
          testTimeout: LIMITS.system,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        ...node,
        test: {
          ...patient,
          name: 'browser',
          // Shops of their own: what other tests leave behind in a catalogue would stand on these pages.
          globalSetup: ['tests/harness/shared/setup.ts', 'tests/browser/shared.ts'],
          include: ['tests/browser/**/*.test.ts'],
          testTimeout: LIMITS.browser,
          ...shops,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
