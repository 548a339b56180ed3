/** Finds, in the page, elements wider than a narrow screen and controls that cannot be pressed there. */
import type { Page } from 'playwright-core'

/** Phones, and a tablet held upright. */
export const NARROW = [320, 360, 375, 390, 768] as const

/**
 * Every control is scrolled to the middle of the screen and must be fully inside it, with its text inside, and not covered.
 * Elements that scroll sideways may be wider. No short word is broken between its letters.
 */
const PROBE = `(() => {
  const found = new Set()
  const width = document.documentElement.clientWidth
  const called = (el) => (el.dataset.testid ?? '') + ' ' + (el.getAttribute('aria-label') ?? el.textContent ?? el.name ?? '').trim().slice(0, 40) + ' <' + el.tagName.toLowerCase() + ' ' + el.className + '>'
  if (document.documentElement.scrollWidth > width) found.add('the page is ' + document.documentElement.scrollWidth + ' wide')
  const root = document.querySelector('dialog[open]') ?? document.querySelector('nav.open')?.closest('header') ?? document.body
  const shown = (el) => el.getClientRects().length > 0 && getComputedStyle(el).visibility !== 'hidden'
  const sideways = (el) => {
    for (let up = el; up && up !== document.body; up = up.parentElement) if (/auto|scroll/.test(getComputedStyle(up).overflowX)) return true
    return false
  }
  const unseen = (el) => el.closest('.unseen, .skip, [aria-hidden=true]') !== null
  for (const el of root.querySelectorAll('*')) {
    if (!shown(el) || unseen(el) || sideways(el) || el.closest('svg')) continue
    const box = el.getBoundingClientRect()
    if (box.width > 0 && (box.left < -0.5 || box.right > width + 0.5)) found.add('beyond the screen: ' + called(el) + ' ' + Math.round(box.left) + '–' + Math.round(box.right))
  }
  for (const el of root.querySelectorAll('a[href], button, input, select, textarea, summary')) {
    if (!shown(el) || unseen(el) || el.tabIndex < 0) continue
    el.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' })
    const [box] = el.getClientRects()
    if (box.width < 1 || box.height < 1) continue
    const style = getComputedStyle(el)
    if (/^(BUTTON|A)$/.test(el.tagName) && style.display !== 'inline' && style.textOverflow !== 'ellipsis' && el.scrollWidth > el.clientWidth + 1) found.add('its words are wider than it: ' + called(el))
    if (box.left < -0.5 || box.right > width + 0.5) { found.add('not whole: ' + called(el)); continue }
    const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)
    const itself = hit && (el === hit || el.contains(hit) || hit.closest('label')?.contains(el))
    if (!itself) found.add('covered: ' + called(el) + ' by ' + (hit ? called(hit) : 'nothing'))
  }
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const el = text.parentElement
    if (!shown(el) || unseen(el) || el.closest('svg, pre, code')) continue
    // Short words stay whole: one that is broken between its letters has too little room.
    for (const word of text.data.matchAll(/(?<!\\S)[A-Za-z]{2,10}(?=[\\s,.;:!?]|$)/g)) {
      const range = document.createRange()
      range.setStart(text, word.index)
      range.setEnd(text, word.index + word[0].length)
      if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) found.add('a word is broken: ' + word[0] + ' in ' + called(el))
    }
  }
  scrollTo(0, 0)
  return [...found]
})()`

/** Resizes the window without reloading the page. @returns the problems there, in words */
export async function cutOff(page: Page, width: number): Promise<string[]> {
  await page.setViewportSize({ width, height: 720 })
  return (await page.evaluate<string[]>(PROBE)).map((wrong) => `${width}: ${wrong}`)
}
