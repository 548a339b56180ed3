/** Register, log in, log out, one's own account, change the password. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { clearSessionCookie, cookieNames, setDeviceCookie, setSessionCookie } from '../auth/cookies.ts'
import type { Account } from '../auth/known-device.ts'
import { ChallengeShape, type ProofOfWork, ProofShape } from '../auth/limits/proof-of-work.ts'
import { type LoginContext, login } from '../auth/login.ts'
import { changePassword } from '../auth/passwords/change-password.ts'
import { type DemoPasswordPolicy, refuseAsNewPassword, refuseDemoPassword } from '../auth/passwords/demo-passwords.ts'
import { hashChosen, passwordMatches } from '../auth/passwords/passwords.ts'
import { type Principals, refuseOtherSites } from '../auth/principal.ts'
import { Code } from '../auth/second-factor/routes.ts'
import { noteActor } from '../auth/security-log/hooks.ts'
import { endSession } from '../auth/sessions/session-list.ts'
import { type CredentialProof, type Sessions, toUser, type User } from '../auth/sessions/sessions.ts'
import { ShopError } from '../errors.ts'
import { lineOf } from '../http/addresses/address-line.ts'
import type { Application } from '../http/application.ts'
import { ANONYMOUS, IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { closed, DisplayName, Moment, Nothing, problems, writeMoment } from '../http/shapes.ts'
import { isReservedName, nameProblem, USERNAME } from '../text/login-name.ts'
import { addUser } from './register.ts'

export const UserShape = Type.Object(
  {
    id: Type.Integer(),
    username: Type.String(),
    displayName: Type.String(),
    role: Type.Enum(['buyer', 'owner', 'finance', 'support', 'editor']),
    createdAt: Moment,
    passwordDue: Type.Boolean({
      description: 'The password is a generated one and must be changed first',
    }),
    factorDue: Type.Boolean({
      description: 'The owner requires a second factor for this role; it must be set up first',
    }),
  },
  { $id: 'User' },
)

const Credentials = closed({
  username: Type.String({ minLength: 1, maxLength: 64 }),
  password: Type.String({ minLength: 1, maxLength: 200 }),
  code: Type.Optional(Code),
})

export const Username = Type.String({
  maxLength: 32,
  pattern: USERNAME,
  description: '3–32 letters of one script, digits, _ - . ; Chinese, Japanese and Korean may be mixed with Latin',
})
const NewPassword = Type.String({
  minLength: 8,
  maxLength: 128,
  description: 'Any characters; an easily guessed password is refused (WEAK_PASSWORD)',
})

export const Registration = closed({
  username: Username,
  password: NewPassword,
  displayName: Type.Optional(DisplayName),
  proof: Type.Optional(ProofShape),
})

export const LoggedIn = Type.Object({ token: Type.String(), user: Type.Ref('User') }, { $id: 'LoggedIn' })

/** Starts a session after a successful login or registration, and answers with its token. */
export type Welcome = (
  request: FastifyRequest,
  reply: FastifyReply,
  who: { user: User; credentialProof: CredentialProof },
) => Promise<Static<typeof LoggedIn>>

export interface AccountRoutes extends LoginContext {
  readonly sessions: Sessions
  readonly proofs: ProofOfWork
  readonly principals: Principals
  readonly demo: DemoPasswordPolicy
  readonly clock: () => Date
  readonly publicUrl: string
}

export function addAccountRoutes(app: Application, routes: AccountRoutes): { readonly welcome: Welcome } {
  app.addSchema(UserShape)
  app.addSchema(ChallengeShape)
  const welcome = createWelcome(routes)
  addRegistrationRoutes(app, routes, welcome)
  addSessionRoutes(app, routes, welcome)
  addOwnAccountRoutes(app, routes)
  return { welcome }
}

const deviceOf = (request: FastifyRequest, publicUrl: string) => request.cookies[cookieNames(publicUrl).device]

/** Makes the device a known one for this account. */
const remember = (
  { devices, publicUrl, clock }: AccountRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
  account: Account,
) => setDeviceCookie(reply, publicUrl, devices.remember(deviceOf(request, publicUrl), account, clock()))

const createWelcome =
  (routes: AccountRoutes): Welcome =>
  async (request, reply, { user, credentialProof }) => {
    const from = { userAgent: request.headers['user-agent'] ?? '', address: request.ip }
    const { token, expiresAt } = await routes.sessions.start(credentialProof, from)
    noteActor(request, { userId: user.id })
    setSessionCookie(reply, routes.publicUrl, token, expiresAt)
    remember(routes, request, reply, { id: user.id, passwordHash: credentialProof.passwordHash })
    return { token, user: writeUser(user) }
  }

/** A repeat has the same key and names, and a password that matches the stored hash; the password is not stored. */
async function registerOnce(
  { db, proofs, clock }: AccountRoutes,
  request: FastifyRequest,
  wanted: Static<typeof Registration>,
) {
  const { password, proof, ...named } = wanted
  if (nameProblem(named.username)) throw new ShopError('USERNAME_UNFIT')
  if (isReservedName(named.username)) throw new ShopError('USERNAME_TAKEN')
  refuseAsNewPassword(password)
  const sender = { kind: 'registration', from: lineOf(request.ip) } as const
  await proofs.require('registration', sender.from, proof)
  const passwordHash = await hashChosen(sender, password, [named.username, named.displayName ?? ''])
  const { userId } = await db.transaction().execute((tx) =>
    once(tx, ANONYMOUS, repeatable(request, named), clock(), async () => {
      return { userId: (await addUser(tx, named, passwordHash)).id }
    }),
  )
  const row = await db.selectFrom('users').selectAll().where('id', '=', userId).executeTakeFirstOrThrow()
  const isRepeat = row.password_hash !== passwordHash
  if (isRepeat && !(await passwordMatches(sender, row.password_hash, password))) {
    throw new ShopError('IDEMPOTENCY_KEY_REUSED')
  }
  const credentialProof = { userId: row.id, passwordHash: row.password_hash, factorSince: null, byDemoPassword: false }
  return { user: toUser(row), credentialProof }
}

function addRegistrationRoutes(app: Application, routes: AccountRoutes, welcome: Welcome): void {
  const { proofs, publicUrl } = routes

  app.get(
    '/api/proof-of-work',
    {
      config: { access: 'anyone' },
      schema: {
        tags: ['accounts'],
        summary:
          'A challenge: find the number whose SHA-256, appended to the salt, is the challenge; valid once, for ten minutes',
        querystring: Type.Object({ for: Type.Literal('registration') }),
        response: { 200: Type.Ref('WorkChallenge'), ...problems(422) },
      },
    },
    (request) => proofs.challenge(request.query.for, lineOf(request.ip)),
  )

  app.post(
    '/api/users',
    {
      config: { access: 'anyone', security: 'registration' },
      schema: {
        tags: ['accounts'],
        summary: 'Register; after PROOF_OF_WORK_REQUIRED, repeat the request with a proof',
        headers: IdempotencyHeader,
        body: Registration,
        response: { 201: LoggedIn, ...problems(409, 422, 428, 429) },
      },
    },
    async (request, reply) => {
      refuseOtherSites(request, publicUrl)
      const registered = await registerOnce(routes, request, request.body)
      return reply.code(201).send(await welcome(request, reply, registered))
    },
  )
}

function addSessionRoutes(app: Application, routes: AccountRoutes, welcome: Welcome): void {
  const { db, principals, clock, publicUrl } = routes

  app.post(
    '/api/session',
    {
      config: { access: 'anyone', security: 'login' },
      schema: {
        tags: ['accounts'],
        summary: 'Log in; after SECOND_FACTOR_REQUIRED, repeat the request with a code',
        body: Credentials,
        response: { 200: LoggedIn, ...problems(401, 403, 422, 429) },
      },
    },
    async (request, reply) => {
      refuseOtherSites(request, publicUrl)
      noteActor(request, { name: request.body.username })
      const found = (userId: number) => noteActor(request, { userId, name: undefined })
      const from = { address: request.ip, device: deviceOf(request, publicUrl), found }
      const credentials = { ...request.body, ...from }
      const refuseDemo = () => refuseDemoPassword(routes.demo, request)
      const known = await login(routes, credentials, clock(), refuseDemo)
      return welcome(request, reply, known)
    },
  )

  app.delete(
    '/api/session',
    {
      config: { access: 'anyone', evenPasswordDue: true, security: 'logout' },
      schema: { tags: ['accounts'], summary: 'Log out', response: { 204: Nothing } },
    },
    async (request, reply) => {
      const principal = await principals.find(request)
      if (principal) await endSession(db, principal.user.id, principal.sessionId, clock())
      return clearSessionCookie(reply, publicUrl).code(204).send(null)
    },
  )
}

function addOwnAccountRoutes(app: Application, routes: AccountRoutes): void {
  const { db, principals, clock } = routes

  app.get(
    '/api/me',
    {
      config: { access: 'account', evenPasswordDue: true },
      schema: { tags: ['accounts'], summary: 'My account', response: { 200: Type.Ref('User'), ...problems(401) } },
    },
    async (request) => writeUser((await principals.require(request)).user),
  )

  app.post(
    '/api/me/password',
    {
      config: { access: 'account', evenPasswordDue: true, security: 'password.changed' },
      schema: {
        tags: ['accounts'],
        summary: 'Change my password; all other sessions end',
        body: closed({
          current: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 200,
              description: 'Not needed right after the login with a one-time password',
            }),
          ),
          password: NewPassword,
        }),
        response: { 204: Nothing, ...problems(401, 409, 422, 429) },
      },
    },
    async (request, reply) => {
      const principal = await principals.require(request)
      const { current, password } = request.body
      const signedIn = { ...principal, address: request.ip }
      const passwordHash = await changePassword(db, signedIn, { current, password }, clock)
      remember(routes, request, reply, { id: principal.user.id, passwordHash })
      return reply.code(204).send(null)
    },
  )
}

export function writeUser(user: User): Static<typeof UserShape> {
  return { ...user, createdAt: writeMoment(user.createdAt) }
}
