/** Names that begin with some words, by the indexes in byte order of migration 0008. */
import { type RawBuilder, sql } from 'kysely'

/** After every name that begins with the words before it. */
const LAST = '\u{10FFFF}'

/**
 * Whether the user's name in this column begins so, whatever the case. A range and not LIKE: statements are planned once,
 * without their values, and a LIKE whose pattern is not known yet would look at every user.
 */
export const beginsWith = (column: 'username' | 'display_name', words: string): RawBuilder<boolean> =>
  sql`(lower(${sql.ref(column)}) ~>=~ lower(${words}) and lower(${sql.ref(column)}) ~<~ (lower(${words}) || ${LAST}))`
