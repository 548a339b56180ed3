/**
 * Downloads are requested by the browser itself, which cannot answer a password prompt: obtain the credential proof
 * beforehand.
 */
import { answer, api } from '../src/api/client.ts'
import { passes } from '../src/api/gate.ts'

/** Time for a download to begin. */
const SPARE_MS = 30_000

/** @returns whether the server will not ask for a proof now @throws ApiProblem */
export async function isProved(): Promise<boolean> {
  const { until } = await answer(api.GET('/api/session/proof'))
  if (until !== null && Date.parse(until) - Date.now() > SPARE_MS) return true
  return passes('PROOF_REQUIRED')
}
