/** Prefix search for names, by indexes in byte order (migrations 0008 and 0037). */
import { type RawBuilder, sql } from 'kysely'
import { foldName } from '../text/login-name.ts'

/** The highest character: sorts after every name with the prefix. */
const LAST = '\u{10FFFF}'

/**
 * Case-insensitive prefix match on the user's name. A range instead of LIKE: statements are planned once, without their
 * values, and a LIKE whose pattern is not known at planning time would scan all users.
 */
export const beginsWith = {
  username: (words: string): RawBuilder<boolean> =>
    sql`(login_name >= ${foldName(words)} and login_name < ${foldName(words) + LAST})`,
  displayName: (words: string): RawBuilder<boolean> =>
    sql`(lower(display_name) ~>=~ lower(${words}) and lower(display_name) ~<~ (lower(${words}) || ${LAST}))`,
}
