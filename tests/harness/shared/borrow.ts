import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { inject } from 'vitest'
import { openSystem, type Place, type RunningSystem } from '../system.ts'

/** A shop that other test files have used before and will use after this one; `stop` gives it back. See main.ts. */
export async function borrowShop(): Promise<RunningSystem> {
  const socket = connect(inject('sharedShops'), '127.0.0.1')
  for await (const line of createInterface(socket)) {
    return openSystem(JSON.parse(line) as Place, () => void socket.destroy())
  }
  throw new Error('The shop to borrow did not start.')
}
