/** Creates an account. The server may require a proof of work first. */
import { ApiProblem, answer, api, type User } from '../src/api/client.ts'
import type { NewAccount } from '../src/login/login-fields.ts'
import type { Proof } from '../src/login/proof-of-work.ts'

/** @param proving called before the proof of work, which takes some seconds @throws ApiProblem */
export async function createAccount(form: NewAccount, proving: () => void): Promise<User> {
  const send = (body: NewAccount & { proof?: Proof }) => answer(api.POST('/api/users', { body }))
  const { user } = await send(form).catch(async (error: unknown) => {
    if (!(error instanceof ApiProblem) || error.code !== 'PROOF_OF_WORK_REQUIRED') throw error
    proving()
    const { prove } = await import('../src/login/proof-of-work.ts')
    return send({ ...form, proof: await prove('registration') })
  })
  return user
}
