/** Makes Chromium look like the oldest supported browser to scripts, by removing the features that it lacks. */
import { MISSING } from '../../apps/web/build/floor/scripts.ts'

/** Needed by the test tools only; no page of the shop uses it. */
const KEPT = /^(Performance|LayoutShift|BigU?[Ii]nt64Array)/

/** The script that removes the newer features; it runs before any other script of the page. */
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

  // Formatting options that iOS 14 does not know: one is refused, the others are ignored.
  const older = (format, known) =>
    new Proxy(format, { construct: (target, [language, options = {}]) => new target(language, known(options)) })
  Intl.NumberFormat = older(Intl.NumberFormat, (options) => {
    if (options.currencyDisplay === 'narrowSymbol') throw new RangeError('narrowSymbol')
    return options
  })
  Intl.DateTimeFormat = older(Intl.DateTimeFormat, ({ dateStyle, timeStyle, ...options }) => options)
}`
