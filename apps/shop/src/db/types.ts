/** The types of the database and its transactions. */
import type { Kysely, Transaction as KyselyTransaction } from 'kysely'
import type { Tables } from './tables.generated.ts'

export type Database = Kysely<Tables>
export type Transaction = KyselyTransaction<Tables>
/** The pool or an open transaction: a read may run on either. */
export type Reader = Database | Transaction
