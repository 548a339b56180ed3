/** Whether a transaction failed because others held what it needed; done again a moment later, it may well succeed. */
import pg from 'pg'

/** A wait for a lock that took too long, and two that waited for each other. */
const CODES = ['55P03', '40P01']

export const isHeldUp = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && CODES.includes(error.code ?? '')
