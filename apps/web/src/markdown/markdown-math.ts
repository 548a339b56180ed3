/**
 * Renders formulas as MathML with KaTeX, without inline styles or scripts. Loaded with the first lesson that has a
 * formula.
 */
import katex from 'katex'

/** Longer input is no real formula and would take too long to render. */
const MAX_LENGTH = 4000
/** Total length of formulas rendered per text; the rest is shown as source. */
const MAX_TOTAL = 60_000
const MAX_FORMULAS = 500

/** @returns a renderer for the formulas of one text, which returns undefined for an invalid formula */
export function createMathSetter(): (formula: string, block: boolean) => string | undefined {
  let total = 0
  let formulas = 0
  return (formula, block) => {
    total += formula.length
    formulas += 1
    if (formulas > MAX_FORMULAS || formula.length > MAX_LENGTH || total > MAX_TOTAL) return undefined
    // Chromium before 109 has no MathML: there the source is easier to read than a row of unformatted letters.
    if (typeof MathMLElement === 'undefined' && typeof document !== 'undefined') return undefined
    try {
      const set = katex.renderToString(formula, {
        output: 'mathml',
        displayMode: block,
        throwOnError: true,
        strict: 'ignore',
        // No links, no oversized output, and no macros that expand without end.
        trust: false,
        maxSize: 20,
        maxExpand: 200,
      })
      // Inline styles, which the content security policy would block anyway.
      return set.replaceAll(/ style="[^"]*"/g, '')
    } catch {
      return undefined
    }
  }
}
