/** The worker of the proof of work: receives a challenge, posts the solution. */
import '../old-browsers/gaps.ts'
import { solve } from './proof-solver.ts'

self.onmessage = async ({ data }: MessageEvent<{ salt: string; challenge: string; maxnumber: number }>) => {
  self.postMessage(await solve(data))
}
