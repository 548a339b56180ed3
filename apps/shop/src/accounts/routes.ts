/** Register, log in, log out, who am I, another password. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader, NOBODY, once, repeatable } from '../http/idempotency.ts'
import { Moment, Nothing, problems, writeMoment } from '../http/shapes.ts'
import { changePassword } from './change-password.ts'
import { Code } from './factor-routes.ts'
import { login } from './login.ts'
import { hashPassword, passwordMatches } from './passwords.ts'
import { addUser } from './register.ts'
import type { Factors } from './second-factor.ts'
import { type Sessions, type Shown, toUser, type User } from './sessions.ts'
import { refuseOtherSites, SESSION_COOKIE, type Viewers } from './viewer.ts'

export const UserShape = Type.Object(
  {
    id: Type.Integer(),
    username: Type.String(),
    displayName: Type.String(),
    role: Type.Enum(['buyer', 'owner', 'finance', 'support', 'editor']),
    createdAt: Moment,
    passwordDue: Type.Boolean({
      description: 'Somebody else made up the password: it is changed before anything else',
    }),
  },
  { $id: 'User' },
)

const Credentials = Type.Object(
  {
    username: Type.String({ minLength: 1, maxLength: 64 }),
    password: Type.String({ minLength: 1, maxLength: 200 }),
    code: Type.Optional(Code),
  },
  { additionalProperties: false },
)

export const USERNAME = '^[\\p{L}\\p{N}_.-]{3,32}$'

export const Username = Type.String({
  pattern: USERNAME,
  description: '3–32 letters, digits, _ - .',
})
const NewPassword = Type.String({ minLength: 8, maxLength: 200 })

const Registration = Type.Object(
  {
    username: Username,
    password: NewPassword,
    displayName: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  { additionalProperties: false },
)

const LoggedIn = Type.Object({ token: Type.String(), user: Type.Ref('User') }, { $id: 'LoggedIn' })

export interface AccountRoutes extends Factors {
  readonly sessions: Sessions
  readonly viewers: Viewers
  readonly clock: () => Date
  readonly publicUrl: string
}

export function addAccountRoutes(
  app: Application,
  { db, seal, sessions, viewers, clock, publicUrl }: AccountRoutes,
): void {
  app.addSchema(UserShape)
  const secure = publicUrl.startsWith('https:')

  const welcome = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { user, shown }: { user: User; shown: Shown },
  ) => {
    const from = { userAgent: request.headers['user-agent'] ?? '', address: request.ip }
    const { token, expiresAt } = await sessions.start(shown, from)
    reply.setCookie(SESSION_COOKIE, token, { path: '/', httpOnly: true, sameSite: 'lax', secure, expires: expiresAt })
    return { token, user: writeUser(user) }
  }

  /** A repeat is known by its key and name, and by the password, of which nothing is kept but its hash. */
  const registerOnce = async (request: FastifyRequest, wanted: Static<typeof Registration>) => {
    const { password, ...named } = wanted
    const passwordHash = await hashPassword(password)
    const { userId } = await db.transaction().execute((tx) =>
      once(tx, NOBODY, repeatable(request, named), clock(), async () => {
        return { userId: (await addUser(tx, named, passwordHash)).id }
      }),
    )
    const row = await db.selectFrom('users').selectAll().where('id', '=', userId).executeTakeFirstOrThrow()
    if (!(await passwordMatches(row.password_hash, password))) throw new ShopError('IDEMPOTENCY_KEY_REUSED')
    return { user: toUser(row), shown: { userId: row.id, passwordHash: row.password_hash, factorSince: null } }
  }

  app.post(
    '/api/users',
    {
      schema: {
        tags: ['accounts'],
        summary: 'Register',
        headers: IdempotencyHeader,
        body: Registration,
        response: { 201: LoggedIn, ...problems(409, 422) },
      },
    },
    async (request, reply) => {
      refuseOtherSites(request, publicUrl)
      const registered = await registerOnce(request, request.body)
      return reply.code(201).send(await welcome(request, reply, registered))
    },
  )

  app.post(
    '/api/session',
    {
      schema: {
        tags: ['accounts'],
        summary: 'Log in; SECOND_FACTOR_REQUIRED asks for the same with a code',
        body: Credentials,
        response: { 200: LoggedIn, ...problems(401, 403, 422, 429) },
      },
    },
    async (request, reply) => {
      refuseOtherSites(request, publicUrl)
      const known = await login({ db, seal }, { ...request.body, address: request.ip }, clock())
      return welcome(request, reply, known)
    },
  )

  app.delete(
    '/api/session',
    {
      config: { evenPasswordDue: true },
      schema: { tags: ['accounts'], summary: 'Log out', response: { 204: Nothing } },
    },
    async (request, reply) => {
      const viewer = await viewers.find(request)
      if (viewer) await sessions.end(viewer.sessionId)
      return reply.clearCookie(SESSION_COOKIE, { path: '/' }).code(204).send(null)
    },
  )

  app.get(
    '/api/me',
    {
      config: { evenPasswordDue: true },
      schema: { tags: ['accounts'], summary: 'Who am I', response: { 200: Type.Ref('User'), ...problems(401) } },
    },
    async (request) => writeUser((await viewers.require(request)).user),
  )

  app.post(
    '/api/me/password',
    {
      config: { evenPasswordDue: true },
      schema: {
        tags: ['accounts'],
        summary: 'Change my password; every other session ends',
        body: Type.Object(
          { current: Type.String({ minLength: 1, maxLength: 200 }), password: NewPassword },
          { additionalProperties: false },
        ),
        response: { 204: Nothing, ...problems(401, 409, 422, 429) },
      },
    },
    async (request, reply) => {
      const viewer = await viewers.require(request)
      const { current, password } = request.body
      await changePassword(db, { ...viewer, address: request.ip }, { current, password }, clock)
      return reply.code(204).send(null)
    },
  )
}

export function writeUser(user: User): Static<typeof UserShape> {
  return { ...user, createdAt: writeMoment(user.createdAt) }
}
