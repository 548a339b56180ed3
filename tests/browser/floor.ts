/** A browser as old as the floor, as far as scripts see it: a newer Chromium that has lost what the floor lacks. */
import { MISSING } from '../../apps/web/build/floor/scripts.ts'

/** What the test's own tools need of the browser; no page of the shop asks for it. */
const KEPT = /^(Performance|LayoutShift|BigU?[Ii]nt64Array)/

/** The script that makes a page's browser as old as the floor; it runs before anything else of the page. */
export const OLD_BROWSER = `{
  const without = (owner, name) => owner && Reflect.deleteProperty(owner, name)
  const dialog = Object.getPrototypeOf(document.createElement('dialog'))
  for (const name of ['show', 'showModal', 'close', 'requestClose', 'open']) without(dialog, name)
  for (const member of ${JSON.stringify(MISSING.members)}) {
    const path = member.split('.')
    const name = path.pop()
    without(path.reduce((owner, part) => owner && Reflect.get(owner, part), globalThis), name)
  }
  without(Object.getPrototypeOf(Int8Array.prototype), 'at')
  for (const name of ${JSON.stringify(MISSING.globals.filter((name) => !KEPT.test(name)))}) without(globalThis, name)

  // Options of formats that iOS 14 does not know: one is refused, the others are as if they were not there.
  const older = (format, known) =>
    new Proxy(format, { construct: (target, [language, options = {}]) => new target(language, known(options)) })
  Intl.NumberFormat = older(Intl.NumberFormat, (options) => {
    if (options.currencyDisplay === 'narrowSymbol') throw new RangeError('narrowSymbol')
    return options
  })
  Intl.DateTimeFormat = older(Intl.DateTimeFormat, ({ dateStyle, timeStyle, ...options }) => options)
}`
