/** Uploads a file with progress events, which `fetch` does not offer. */
import { answer } from '../src/api/client.ts'
import { actingAs, passes } from '../src/api/gate.ts'
import type { components } from '../src/api/schema.generated.ts'
import { language } from '../src/i18n.ts'

export type Upload = components['schemas']['Upload']

export interface Sending {
  readonly done: Promise<Upload>
  cancel(): void
}

/**
 * Starts an upload; `done` rejects with an ApiProblem, or with an AbortError if it was cancelled.
 * @param progressed called with the uploaded share, 0 to 1
 */
export function sendFile(file: File, progressed: (share: number) => void): Sending {
  let request = new XMLHttpRequest()
  const once = () => {
    request = new XMLHttpRequest()
    return sendOnce(request, file, progressed)
  }
  const sent = once().then(async (first) =>
    first.response.status === 401 && (await passes(codeOf(first.error))) ? once() : first,
  )
  return { done: answer(sent), cancel: () => request.abort() }
}

interface Answered {
  readonly data?: Upload
  readonly error?: unknown
  readonly response: Response
}

function sendOnce(request: XMLHttpRequest, file: File, progressed: (share: number) => void): Promise<Answered> {
  const sent = new Promise<Answered>((resolve, reject) => {
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
  const account = actingAs()
  if (account !== undefined) request.setRequestHeader('x-account', String(account))
  const form = new FormData()
  form.set('file', file)
  request.send(form)
  return sent
}

const codeOf = (problem: unknown): unknown =>
  typeof problem === 'object' && problem !== null && 'code' in problem ? problem.code : undefined
const isUpload = (body: unknown): body is Upload => typeof body === 'object' && body !== null && 'kind' in body
