/** Marks automatic requests of an unattended page, so that polling does not keep the session alive. */
import { api } from '../../src/api/client.ts'

const AWAY_MS = 5 * 60_000

export function sayWhenUnattended(): void {
  let touched = Date.now()
  for (const event of ['pointerdown', 'keydown', 'wheel', 'touchstart']) {
    addEventListener(event, () => (touched = Date.now()), { capture: true, passive: true })
  }
  api.use({
    onRequest({ request }) {
      if (Date.now() - touched > AWAY_MS) request.headers.set('x-unattended', '1')
      return request
    },
  })
}
