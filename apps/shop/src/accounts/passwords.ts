/** Passwords: argon2id with the parameters OWASP recommends, hashed on the thread pool. */
import { hash, verify } from '@node-rs/argon2'

const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export const hashPassword = (password: string): Promise<string> => hash(password, PARAMETERS)

/** Compares with a stored hash; for an unknown user (no hash) it takes as long and says no. */
export async function passwordMatches(stored: string | undefined, password: string): Promise<boolean> {
  const matches = await verify(stored ?? (await decoy()), password)
  return stored !== undefined && matches
}

let decoyHash: Promise<string> | undefined
const decoy = (): Promise<string> => {
  decoyHash ??= hashPassword('a password that nobody has')
  return decoyHash
}
