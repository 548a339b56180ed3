/**
 * The proof of work that the server requires when many requests come from one network: computed in the background,
 * without user interaction.
 */
import { answer, api } from '../api/client.ts'
import { solve } from './proof-solver.ts'

export type Proof = Awaited<ReturnType<typeof prove>>

export async function prove(kind: 'registration') {
  const { maxnumber, ...challenge } = await answer(api.GET('/api/proof-of-work', { params: { query: { for: kind } } }))
  return { ...challenge, number: await solveBeside({ ...challenge, maxnumber }) }
}

/** Solves it in a worker or, if workers are unavailable, in short slices, so that the page stays responsive. */
function solveBeside(work: { salt: string; challenge: string; maxnumber: number }): Promise<number> {
  return new Promise<number>((done, failed) => {
    const worker = new Worker(new URL('./proof-worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = ({ data }: MessageEvent<number>) => {
      done(data)
      worker.terminate()
    }
    worker.onerror = () => {
      worker.terminate()
      failed(new Error('no worker'))
    }
    worker.postMessage(work)
  }).catch(() => solve(work, () => new Promise((next) => setTimeout(next))))
}
