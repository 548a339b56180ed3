/**
 * Logging in: first the limits, then the password, with the same answer for a wrong name as for a wrong password, then
 * the code. If the limits on passwords refuse, a right password together with a right code is still accepted: the
 * answer does not reveal whether the password alone was right.
 */

import { createHash } from 'node:crypto'
import { type ErrorCode, ShopError } from '../errors.ts'
import { lineOf } from '../http/addresses/address-line.ts'
import { foldName } from '../text/login-name.ts'
import { findLogin, type Login } from './find-login.ts'
import type { Devices } from './known-device.ts'
import { codeLimits, type Guesser, passwordLimits, withinLimits } from './limits/login-limits.ts'
import { isDemoPassword, refuseAlways } from './passwords/demo-passwords.ts'
import { passwordMatches } from './passwords/passwords.ts'
import { takeLoginCode } from './second-factor/login-codes.ts'
import { type Factors, isShortCode, spendCode } from './second-factor/second-factor.ts'
import { type CredentialProof, toUser, type User } from './sessions/sessions.ts'

/** What logging in needs. */
export interface LoginContext extends Factors {
  readonly devices: Devices
}

export interface Credentials {
  readonly username: string
  readonly password: string
  /** Needed only if the account has a second factor, or the limits refuse a password alone. */
  readonly code?: string | undefined
  readonly address: string
  /** The cookie that identifies a known device. */
  readonly device?: string | undefined
  /** Called with the account's id, once it is known. */
  readonly found?: (userId: number) => void
}

/**
 * @param refuseDemo refuses a demo password where none is accepted, without revealing the account to others
 * @throws ShopError BAD_CREDENTIALS, ACCOUNT_DISABLED, PASSWORD_EXPIRED, TOO_MANY_ATTEMPTS, PASSWORDS_BUSY,
 *   SECOND_FACTOR_REQUIRED, WRONG_CODE, DEMO_PASSWORD
 */
export async function login(
  context: LoginContext,
  credentials: Credentials,
  now: Date,
  refuseDemo: () => Promise<void> = refuseAlways,
): Promise<{ readonly user: User; readonly credentialProof: CredentialProof }> {
  const account = await findLogin(context.db, credentials.username)
  if (account) credentials.found?.(account.id)
  const guesser = guesserOf(context.devices, credentials, account, now)
  const isPassword = () => {
    const sender = { kind: 'login', from: lineOf(credentials.address) } as const
    return passwordMatches(sender, account?.password_hash, credentials.password)
  }
  try {
    if (!(await withinLimits(context.db, passwordLimits(guesser), now, isPassword)) || !account) {
      throw new ShopError('BAD_CREDENTIALS')
    }
  } catch (refused) {
    if (!isRefusal(refused, 'TOO_MANY_ATTEMPTS') || credentials.code === undefined) throw refused
    const both = await checkBothAtOnce(context, { credentials, guesser, account, isPassword, refused }, now)
    if (isDemoPassword(credentials.password)) await refuseDemo()
    return letIn(both, credentials, now)
  }
  if (account.disabled_at) throw new ShopError('ACCOUNT_DISABLED')
  if (isDemoPassword(credentials.password)) await refuseDemo()
  if (account.confirmed_at) await requireCode(context, { credentials, guesser, userId: account.id }, now)
  return letIn(account, credentials, now)
}

const isRefusal = (error: unknown, code: ErrorCode): error is ShopError =>
  error instanceof ShopError && error.code === code

/** Counted per account, however its name was typed; an unknown name is counted by itself, as a hash. */
function guesserOf(
  devices: Devices,
  { username, address, device }: Credentials,
  account: Login | undefined,
  now: Date,
): Guesser {
  const unknownName = () => createHash('sha256').update(foldName(username)).digest('base64url').slice(0, 22)
  return {
    account: account ? String(account.id) : `?${unknownName()}`,
    address,
    device: account && devices.knownBy(device, { id: account.id, passwordHash: account.password_hash }, now),
  }
}

interface CodeTry {
  readonly credentials: Credentials
  readonly guesser: Guesser
}

/**
 * Checks the code after the password was right.
 * @throws ShopError SECOND_FACTOR_REQUIRED, WRONG_CODE, TOO_MANY_ATTEMPTS
 */
async function requireCode(
  context: LoginContext,
  { credentials: { code }, guesser, userId }: CodeTry & { readonly userId: number },
  now: Date,
): Promise<void> {
  if (code === undefined) throw new ShopError('SECOND_FACTOR_REQUIRED')
  const limits = codeLimits(guesser, isShortCode(code))
  if (!(await withinLimits(context.db, limits, now, () => spendAny(context, userId, code, now)))) {
    throw new ShopError('WRONG_CODE')
  }
}

/**
 * Beyond the limits on passwords but within those on codes: accepts password and code only together; otherwise the
 * answer is the refusal, no matter which was wrong. Always checks both, so that the time does not reveal it either.
 * @throws ShopError TOO_MANY_ATTEMPTS
 */
async function checkBothAtOnce(
  context: LoginContext,
  {
    credentials: { code = '' },
    guesser,
    account,
    isPassword,
    refused,
  }: CodeTry & {
    readonly account: Login | undefined
    readonly isPassword: () => Promise<boolean>
    readonly refused: ShopError
  },
  now: Date,
): Promise<Login> {
  const areRight = await withinLimits(context.db, codeLimits(guesser, isShortCode(code)), now, async () => {
    const mayEnter = (await isPassword()) && account !== undefined && !account.disabled_at
    return context.db
      .transaction()
      .execute(async (tx) => {
        // Account 0 does not exist: its code is looked up as usual, and never found.
        const isCode = await spendAny({ ...context, db: tx }, account?.id ?? 0, code, now)
        // Roll back unless both are right: a right code beside a mistyped password is not used up.
        if (!isCode || !mayEnter) throw refused
        return true
      })
      .catch((error: unknown) => {
        if (error === refused) return false
        throw error
      })
  })
  if (!areRight || !account) throw refused
  return account
}

/** Uses up a code of either kind. @returns whether it was right */
async function spendAny(context: LoginContext, userId: number, code: string, now: Date): Promise<boolean> {
  const isFactor = await spendCode(context, userId, code, now)
  return isFactor || (!isShortCode(code) && (await takeLoginCode(context.db, userId, code, now)))
}

/** @throws ShopError PASSWORD_EXPIRED for an expired one-time password */
function letIn(
  account: Login,
  { password }: Credentials,
  now: Date,
): { readonly user: User; readonly credentialProof: CredentialProof } {
  if (account.password_expires_at && account.password_expires_at <= now) throw new ShopError('PASSWORD_EXPIRED')
  return {
    user: toUser(account),
    credentialProof: {
      userId: account.id,
      passwordHash: account.password_hash,
      factorSince: account.confirmed_at,
      byDemoPassword: isDemoPassword(password),
    },
  }
}
