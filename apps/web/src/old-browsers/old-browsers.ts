/** Loads what the oldest supported browsers (package.json, browserslist) lack, in those browsers only. */

/** The newest of the polyfilled features show whether any is missing. */
const isComplete = (): boolean => 'hasOwn' in Object && 'showModal' in document.createElement('dialog')

export async function fillGaps(): Promise<void> {
  if (!isComplete()) await import('./gaps.ts')
}
