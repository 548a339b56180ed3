/** Solves a proof of work as any program would. */
import { createHash } from 'node:crypto'

export interface Challenge {
  readonly algorithm: string
  readonly salt: string
  readonly challenge: string
  readonly signature: string
  readonly maxnumber: number
}

export function solved({ maxnumber, ...challenge }: Challenge) {
  for (let number = 0; number <= maxnumber; number += 1) {
    const hash = createHash('sha256')
      .update(challenge.salt + number)
      .digest('hex')
    if (hash === challenge.challenge) return { ...challenge, number }
  }
  throw new Error('no number solves the challenge')
}
