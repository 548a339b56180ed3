/**
 * Polyfill of `<dialog>`: `showModal` and `close` with a focus trap, Escape, a backdrop, and restoration of the focus.
 * Covers only what the pages use.
 */
import './gaps-dialog.css'

const FOCUSABLE = 'a[href], button:not([disabled]), input:not([disabled]), select, textarea, [tabindex="0"]'

interface Open {
  readonly dialog: HTMLElement
  readonly cover: HTMLElement
  readonly raised: readonly Element[]
  readonly before: Element | null
}

/** Open dialogs; the topmost is last. */
const open: Open[] = []

const focusable = (dialog: HTMLElement): HTMLElement[] =>
  [...dialog.querySelectorAll<HTMLElement>(FOCUSABLE)].filter(
    (element) => element.tabIndex >= 0 && element.getClientRects().length > 0,
  )

/** Ancestors that form a stacking context of their own, such as a sticky header. */
function layersOf(dialog: HTMLElement): Element[] {
  const layers: Element[] = []
  for (let around = dialog.parentElement; around; around = around.parentElement) {
    if (getComputedStyle(around).zIndex !== 'auto') layers.push(around)
  }
  return layers
}

function showModal(this: HTMLElement): void {
  if (this.hasAttribute('open')) return
  const cover = document.createElement('div')
  cover.className = 'dialog-cover'
  // A click outside a native dialog has the dialog as its target.
  cover.addEventListener('click', () => this.dispatchEvent(new MouseEvent('click', { bubbles: true })))
  // Next to the dialog, so that both are in the same stacking context, which is then raised.
  this.before(cover)
  const raised = layersOf(this)
  for (const layer of raised) layer.setAttribute('data-dialog-layer', '')
  open.push({ dialog: this, cover, raised, before: document.activeElement })
  this.setAttribute('open', '')
  this.setAttribute('role', 'dialog')
  this.setAttribute('aria-modal', 'true')
  this.tabIndex = -1
  ;(focusable(this)[0] ?? this).focus()
}

function close(this: HTMLElement): void {
  const index = open.findIndex(({ dialog }) => dialog === this)
  const [closed] = index < 0 ? [] : open.splice(index, 1)
  if (!closed) return
  this.removeAttribute('open')
  closed.cover.remove()
  for (const layer of closed.raised) layer.removeAttribute('data-dialog-layer')
  if (closed.before instanceof HTMLElement) closed.before.focus()
  setTimeout(() => this.dispatchEvent(new Event('close')))
}

function pressed(event: KeyboardEvent): void {
  const dialog = open[open.length - 1]?.dialog
  if (!dialog) return
  if (event.key === 'Escape') {
    event.preventDefault()
    if (dialog.dispatchEvent(new Event('cancel', { cancelable: true }))) close.call(dialog)
  }
  if (event.key !== 'Tab') return
  const inside = focusable(dialog)
  const [edge, other] = event.shiftKey ? [inside[0], inside[inside.length - 1]] : [inside[inside.length - 1], inside[0]]
  if (document.activeElement !== edge && document.activeElement !== dialog) return
  event.preventDefault()
  other?.focus()
}

function focused({ target }: FocusEvent): void {
  const dialog = open[open.length - 1]?.dialog
  if (dialog && target instanceof Node && !dialog.contains(target)) (focusable(dialog)[0] ?? dialog).focus()
}

export function installDialogs(): void {
  const prototype = Object.getPrototypeOf(document.createElement('dialog')) as object
  if ('showModal' in prototype) return
  Object.defineProperty(prototype, 'showModal', { value: showModal, configurable: true })
  Object.defineProperty(prototype, 'close', { value: close, configurable: true })
  document.addEventListener('keydown', pressed)
  document.addEventListener('focusin', focused)
}
