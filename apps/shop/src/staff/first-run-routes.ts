/** Whether the shop still needs its first owner, and creating it with the code from the terminal. */
import { Type } from 'typebox'
import { LoggedIn, Registration, type Welcome } from '../accounts/routes.ts'
import { refuseOtherSites } from '../auth/principal.ts'
import type { Database } from '../db/connect.ts'
import type { Application } from '../http/application.ts'
import { closed, problems } from '../http/shapes.ts'
import { isFirstRunOpen, makeFirstOwner } from './first-run.ts'

const FirstOwner = closed({
  code: Type.String({
    minLength: 1,
    maxLength: 64,
    description: 'The code that the terminal showed when the shop started',
  }),
  ...Registration.properties,
})

interface FirstRunRoutes {
  readonly db: Database
  readonly clock: () => Date
  readonly publicUrl: string
  readonly welcome: Welcome
}

export function addFirstRunRoutes(app: Application, { db, clock, publicUrl, welcome }: FirstRunRoutes): void {
  app.get(
    '/api/first-run',
    {
      config: { access: 'anyone' },
      schema: {
        tags: ['accounts'],
        summary: 'Whether the shop is live and has no owner yet',
        response: { 200: Type.Object({ open: Type.Boolean() }) },
      },
    },
    async () => ({ open: await isFirstRunOpen(db, clock()) }),
  )

  app.post(
    '/api/first-run',
    {
      config: { access: 'anyone', security: 'registration' },
      schema: {
        tags: ['accounts'],
        summary: 'Create the first owner of a live shop, once',
        body: FirstOwner,
        response: { 201: LoggedIn, ...problems(403, 409, 422, 429) },
      },
    },
    async (request, reply) => {
      refuseOtherSites(request, publicUrl)
      const made = await makeFirstOwner(db, request.body, request.ip, clock)
      return reply.code(201).send(await welcome(request, reply, made))
    },
  )
}
