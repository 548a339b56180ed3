/** Sends a file to the shop, telling how far it is: the one thing that `fetch` cannot say. */
import { answer } from '../src/api/client.ts'
import type { components } from '../src/api/schema.generated.ts'
import { language } from '../src/i18n.ts'

export type Upload = components['schemas']['Upload']

export interface Sending {
  readonly done: Promise<Upload>
  cancel(): void
}

/**
 * Begins to send a file; `done` fails with an ApiProblem, or with an AbortError once it was cancelled.
 * @param progressed told how much of it is there, 0 to 1
 */
export function sendFile(file: File, progressed: (share: number) => void): Sending {
  const request = new XMLHttpRequest()
  const sent = new Promise<{ data?: Upload; error?: unknown; response: Response }>((resolve, reject) => {
    request.upload.addEventListener('progress', ({ loaded, total }) => progressed(total > 0 ? loaded / total : 0))
    request.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError')))
    request.addEventListener('error', () => reject(new TypeError('no answer')))
    request.addEventListener('load', () => {
      const { status } = request
      const response = new Response(null, { status })
      const body: unknown = request.response
      resolve(isUpload(body) ? { data: body, response } : { error: body, response })
    })
  })
  request.open('POST', '/api/admin/uploads')
  request.responseType = 'json'
  request.setRequestHeader('accept-language', language())
  const form = new FormData()
  form.set('file', file)
  request.send(form)
  return { done: answer(sent), cancel: () => request.abort() }
}

const isUpload = (body: unknown): body is Upload => typeof body === 'object' && body !== null && 'kind' in body
