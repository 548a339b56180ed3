/**
 * Access control: every API route, and every route that takes a body, declares who may use it. If it needs an account,
 * that is checked before the body is read. (The back office's routes declare a permission instead, see
 * `admin/admin-routes.ts`.)
 */
import type { Application } from '../http/application.ts'
import { takesBody } from '../http/bodies/body-limits.ts'
import type { Principals } from './principal.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `account`: needs a session, of a buyer or of staff. */
    access?: 'anyone' | 'account'
  }
}

/**
 * Guards the routes that are added afterwards.
 * @throws Error for a route that does not declare its access, also when it is added later
 */
export function guardAccess(app: Application, principals: Principals): void {
  app.addHook('onRoute', (route) => {
    const { url, config } = route
    if (!url.startsWith('/api/') && !takesBody(route)) return
    if (!config?.access && !config?.right) throw new Error(`${url} does not declare who may use it (config.access)`)
  })
  app.addHook('onRequest', async (request) => {
    const { config, method } = request.routeOptions
    if (config.access !== 'account') return
    const session = principals.require(request)
    // A route that only reads may start meanwhile; it waits for the session before it answers.
    if (method === 'GET' && principals.hasToken(request)) session.catch(() => {})
    else await session
  })
}
