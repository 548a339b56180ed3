/** Accessibility of the open page, checked with axe. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Half a megabyte: it is sent to a page once, and compiled where it is used. */
const LOAD_AXE = `globalThis.loadAxe = () => { ${AXE}; return axe }`
const prepared = new WeakSet<Page>()

/** The problems that axe finds, as `rule: element`. */
export async function violations(page: Page): Promise<string[]> {
  if (!prepared.has(page)) {
    prepared.add(page)
    await page.addInitScript({ content: LOAD_AXE })
    await page.evaluate(LOAD_AXE)
  }
  return page.evaluate(async () => {
    interface Axe {
      run(options: object): Promise<{
        violations: { id: string; nodes: { target: unknown[]; failureSummary?: string }[] }[]
      }>
    }
    const { loadAxe } = globalThis as unknown as { loadAxe(): Axe }
    const { violations } = await loadAxe().run({ resultTypes: ['violations'] })
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(' ')} (${node.failureSummary ?? ''})`),
    )
  })
}
