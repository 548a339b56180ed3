/**
 * The first owner of a live shop. While no owner can log in, each start creates a code that only the terminal shows; it
 * allows creating one owner, once.
 */

import { createHash, randomInt, timingSafeEqual } from 'node:crypto'
import { sql } from 'kysely'
import { addUser, BY_THE_SHOP } from '../accounts/register.ts'
import { audit } from '../admin/audit.ts'
import { DEMO_PASSWORDS, refuseAsNewPassword } from '../auth/passwords/demo-passwords.ts'
import { hashChosen, passwordMatches } from '../auth/passwords/passwords.ts'
import type { CredentialProof, User } from '../auth/sessions/sessions.ts'
import type { Database, Reader, Transaction } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { lineOf } from '../http/addresses/address-line.ts'
import { nameProblem } from '../text/login-name.ts'

const CODE_LIVES_MS = 24 * 3_600_000
/** The code has 80 bits, which cannot be guessed at this rate. */
const GUESSES = { most: 20, windowMs: 60_000 }

/** Digits and capitals without look-alikes. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const GROUPS = 4
const GROUP_LENGTH = 4

/**
 * Called at the start of a shop.
 * @returns the code, if a live shop has no owner who can log in; the code of an earlier start becomes invalid
 */
export async function beginFirstRun(db: Database, live: boolean, now: Date): Promise<string | undefined> {
  if (!live || (await hasUsableOwner(db))) {
    await closeFirstRun(db)
    return undefined
  }
  const code = newCode()
  const row = { code_hash: hashOf(code), expires_at: new Date(now.getTime() + CODE_LIVES_MS), guesses: 0 }
  await db
    .insertInto('first_run')
    .values(row)
    .onConflict((conflict) => conflict.column('only_row').doUpdateSet({ ...row, guesses_until: null }))
    .execute()
  return code
}

/** A live shop accepts no demo passwords, so owners with one do not count. */
async function hasUsableOwner(db: Reader): Promise<boolean> {
  const owners = await db
    .selectFrom('users')
    .select('password_hash')
    .where('role', '=', 'owner')
    .where('disabled_at', 'is', null)
    .execute()
  for (const { password_hash: hash } of owners) {
    const demo = await Promise.all(DEMO_PASSWORDS.map((password) => passwordMatches(BY_THE_SHOP, hash, password)))
    if (!demo.includes(true)) return true
  }
  return false
}

/** Invalidates the code: there is an owner, or none is needed. */
export async function closeFirstRun(db: Reader): Promise<void> {
  await db.deleteFrom('first_run').execute()
}

export async function isFirstRunOpen(db: Reader, now: Date): Promise<boolean> {
  const row = await db.selectFrom('first_run').select('expires_at').where('expires_at', '>', now).executeTakeFirst()
  return row !== undefined
}

/**
 * Creates the owner. The code is checked before the password is hashed, and used up in the transaction that adds the
 * account, so that of two concurrent requests only one creates an owner.
 * @throws ShopError FIRST_RUN_CLOSED, FIRST_RUN_CODE, TOO_MANY_ATTEMPTS, USERNAME_UNFIT, PASSWORD_IS_DEMO,
 *   WEAK_PASSWORD, USERNAME_TAKEN
 */
export async function makeFirstOwner(
  db: Database,
  wanted: { code: string; username: string; password: string; displayName?: string | undefined },
  address: string,
  clock: () => Date,
): Promise<{ user: User; credentialProof: CredentialProof }> {
  const code = hashOf(wanted.code)
  await guess(db, code, clock())
  if (nameProblem(wanted.username)) throw new ShopError('USERNAME_UNFIT')
  refuseAsNewPassword(wanted.password)
  const passwordHash = await hashChosen({ kind: 'registration', from: lineOf(address) }, wanted.password, [
    wanted.username,
  ])
  const { username, displayName } = wanted
  const user = await db.transaction().execute(async (tx) => {
    const now = clock()
    if (!(await useUp(tx, code, now))) throw new ShopError('FIRST_RUN_CLOSED')
    const owner = await addUser(tx, { username, displayName, role: 'owner' }, passwordHash)
    const actor = { user: owner, sessionId: '', address }
    const after = { username: owner.username, role: 'owner', firstRun: true }
    await audit(tx, actor, { at: now, action: 'staff.create', subject: `staff/${owner.id}`, after })
    return owner
  })
  return { user, credentialProof: { userId: user.id, passwordHash, factorSince: null, byDemoPassword: false } }
}

/** Counts the guess before comparing it, so that concurrent guesses are all counted. */
async function guess(db: Database, code: Buffer, now: Date): Promise<void> {
  const until = new Date(now.getTime() + GUESSES.windowMs)
  const row = await db
    .updateTable('first_run')
    .set({
      guesses: sql`case when guesses_until > ${now} then guesses + 1 else 1 end`,
      guesses_until: sql`case when guesses_until > ${now} then guesses_until else ${until} end`,
    })
    .where('expires_at', '>', now)
    .returning(['code_hash', 'guesses', 'guesses_until'])
    .executeTakeFirstOrThrow(() => new ShopError('FIRST_RUN_CLOSED'))
  if (row.guesses > GUESSES.most) {
    const waitMs = (row.guesses_until ?? until).getTime() - now.getTime()
    throw new ShopError('TOO_MANY_ATTEMPTS', { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) })
  }
  if (!timingSafeEqual(row.code_hash, code)) throw new ShopError('FIRST_RUN_CODE')
}

async function useUp(tx: Transaction, code: Buffer, now: Date): Promise<boolean> {
  const used = await tx
    .deleteFrom('first_run')
    .where('code_hash', '=', code)
    .where('expires_at', '>', now)
    .returning('only_row')
    .executeTakeFirst()
  return used !== undefined
}

function newCode(): string {
  const letters = () => Array.from({ length: GROUP_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return Array.from({ length: GROUPS }, letters).join('-')
}

/** The same for every way of typing it: in small letters, without dashes, with an O for a zero. */
const hashOf = (code: string): Buffer =>
  createHash('sha256')
    .update(
      code
        .normalize('NFKC')
        .toUpperCase()
        .replace(/[^0-9A-Z]/g, '')
        .replace(/O/g, '0')
        .replace(/[IL]/g, '1'),
    )
    .digest()
