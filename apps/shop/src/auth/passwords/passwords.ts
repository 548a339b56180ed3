/** Passwords: argon2id with OWASP's parameters, hashed on the thread pool one at a time (`hash-queue.ts`). */
import { hash, verify } from '@node-rs/argon2'
import { waitOutside } from '../../http/load/overload.ts'
import { createHashQueue, type HashSender } from './hash-queue.ts'
import { requireStrong } from './strength.ts'

const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** One per process. */
const queue = createHashQueue()

/** Runs the work in turn; the request gives its slot back while it waits. */
const inTurn = <Result>(sender: HashSender, work: () => Promise<Result>): Promise<Result> =>
  waitOutside(() => queue.run(sender, work))

/** Hashes a generated password. @throws ShopError PASSWORDS_BUSY */
export const hashPassword = (sender: HashSender, password: string): Promise<string> =>
  inTurn(sender, () => hash(password, PARAMETERS))

/**
 * Hashes a password that a person chose, if it is strong enough.
 * @param names the account's names
 * @throws ShopError WEAK_PASSWORD, PASSWORDS_BUSY
 */
export const hashChosen = (sender: HashSender, password: string, names: readonly string[]): Promise<string> =>
  inTurn(sender, async () => {
    await requireStrong(password, names)
    return hash(password, PARAMETERS)
  })

/**
 * Compares with a stored hash; for an unknown user (no hash) it takes as long and returns false.
 * @throws ShopError PASSWORDS_BUSY
 */
export const passwordMatches = (sender: HashSender, stored: string | undefined, password: string): Promise<boolean> =>
  inTurn(sender, async () => {
    const matches = await verify(stored ?? (await decoy()), password)
    return stored !== undefined && matches
  })

let decoyHash: Promise<string> | undefined
const decoy = (): Promise<string> => {
  decoyHash ??= hash('a password that nobody has', PARAMETERS)
  return decoyHash
}
