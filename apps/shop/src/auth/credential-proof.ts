/**
 * Credential proof: password, and second factor if there is one, entered at the login or again later, as evidence that
 * the person at the session is its owner. Changing where money goes, or who may change it, needs a proof of the last
 * ten minutes.
 */
import { ShopError } from '../errors.ts'

export const CREDENTIAL_PROOF_MS = 10 * 60_000

/** When the proof expires; undefined without a valid one. */
export function credentialProofEnds(provedAt: Date | null, now: Date): Date | undefined {
  if (provedAt === null) return undefined
  const ends = new Date(provedAt.getTime() + CREDENTIAL_PROOF_MS)
  return ends > now ? ends : undefined
}

/** @throws ShopError PROOF_REQUIRED if the session's last proof is older than ten minutes */
export function requireCredentialProof({ provedAt }: { readonly provedAt: Date | null }, now: Date): void {
  if (!credentialProofEnds(provedAt, now)) throw new ShopError('PROOF_REQUIRED')
}
