/** Whether a transaction failed because of others' locks; a retry a moment later may well succeed. */
import pg from 'pg'

/** A lock timeout, and a deadlock. */
const CODES = ['55P03', '40P01']

export const isLockConflict = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && CODES.includes(error.code ?? '')
