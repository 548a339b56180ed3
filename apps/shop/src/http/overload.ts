/**
 * What a process does when more comes than it can answer: it answers as much as it can, money first, and tells everybody
 * else when to come again (503, `Retry-After`). `admission.ts` decides.
 *
 * Why not `@fastify/under-pressure`: it refuses everybody alike once the event loop is late. It knows no payments, it lets
 * requests of which each waits for the same locked table pile up, since the loop is idle then, and it looks only now and then.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { REFUSALS, readerLanguage, ShopError } from '../errors.ts'
import { type Admission, createAdmission, type Urgency } from './admission.ts'
import type { Application } from './application.ts'
import { sendProblem } from './problem.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which requests go first: page and browsing, where nothing is said, go last. An operator's are always answered. */
    urgency?: Urgency | 'operator'
  }
}

const REFUSALS_OF: Readonly<Record<Urgency, ShopError>> = {
  notification: new ShopError('OVERLOADED', { retryAfterSeconds: 1 }),
  payment: new ShopError('OVERLOADED', { retryAfterSeconds: 1 }),
  page: new ShopError('OVERLOADED', { retryAfterSeconds: 3 }),
  browsing: new ShopError('OVERLOADED', { retryAfterSeconds: 3 }),
}

export interface Overload {
  readonly admission: Admission
  /** How many were sent away so far. */
  readonly shed: Readonly<Record<Urgency, number>>
  /** Lets the application's requests in, or sends them away, before anything else is done with them. */
  guard(app: Application): void
}

/** A request's place among those in hand. */
interface Place {
  leave(): void
  comeBack(): void
  readonly held: boolean
}

const current = new AsyncLocalStorage<Place>()

/**
 * Waits for somebody else's server without keeping others out meanwhile: a gateway that hangs takes no place of this shop.
 * Outside of a request it only waits.
 */
export async function waitOutside<Result>(wait: () => Promise<Result>): Promise<Result> {
  const place = current.getStore()
  if (!place?.held) return wait()
  place.leave()
  try {
    return await wait()
  } finally {
    place.comeBack()
  }
}

/** For what stays open without being work: a stream of events. */
export function leaveForGood(): void {
  current.getStore()?.leave()
}

/** @param connections how many the process has to its database: more requests than that only wait for each other there */
export function createOverload(connections: number): Overload {
  // Two connections are left to those who read, should every payment wait for the same lock.
  const admission = createAdmission({ money: Math.max(3, connections - 2), browsing: Math.max(2, connections * 2) })
  const shed = { notification: 0, payment: 0, page: 0, browsing: 0 }
  const places = new WeakMap<FastifyRequest, Place>()

  const refuse = (request: FastifyRequest, reply: FastifyReply, urgency: Urgency) => {
    shed[urgency] += 1
    sendRefusal(request, reply, REFUSALS_OF[urgency])
  }

  const letIn = (request: FastifyRequest, reply: FastifyReply, urgency: Urgency, done: () => void) => {
    const place = {
      held: false,
      leave() {
        if (!place.held) return
        place.held = false
        admission.leave(urgency)
      },
      comeBack() {
        place.held = true
        admission.comeBack(urgency)
      },
    }
    places.set(request, place)
    const admitted = () => {
      place.held = true
      current.run(place, done)
    }
    const giveUp = admission.enter(urgency, admitted, () => refuse(request, reply, urgency))
    if (giveUp) reply.raw.once('close', giveUp)
  }

  return {
    admission,
    shed,
    guard(app) {
      app.addHook('onRequest', (request, reply, done) => {
        const urgency = urgencyOf(request)
        if (urgency === 'operator') return done()
        // Whoever sends a body slowly has no place until it is here.
        if (hasBody(request)) return done()
        letIn(request, reply, urgency, done)
      })
      app.addHook('preValidation', (request, reply, done) => {
        const urgency = urgencyOf(request)
        if (urgency === 'operator' || !hasBody(request)) return done()
        letIn(request, reply, urgency, done)
      })
      // From here on it is the reader's own slowness, not our work. Every request that was let in comes by.
      app.addHook('onSend', (request, _reply, _payload, done) => {
        places.get(request)?.leave()
        done()
      })
    },
  }
}

/** What is drawn or looked up for it; all else are files, and pages made of them. */
const MADE = /^\/(api|covers)\//

/** By the route, not by how its address was written: `/%61pi/` leads to the same one. */
const urgencyOf = ({ routeOptions, url }: FastifyRequest): Urgency | 'operator' =>
  routeOptions.config.urgency ?? (MADE.test(routeOptions.url ?? url) ? 'browsing' : 'page')

const hasBody = ({ method }: FastifyRequest): boolean => method !== 'GET' && method !== 'HEAD'

/** A person who opens a page is told in a page, which tries again by itself. */
function sendRefusal(request: FastifyRequest, reply: FastifyReply, refusal: ShopError): void {
  if (request.method !== 'GET' || !request.headers.accept?.includes('text/html')) {
    void sendProblem(request, reply, refusal)
    return
  }
  const language = readerLanguage(request.headers['accept-language'])
  const { title, detail } = REFUSALS.OVERLOADED
  const seconds = refusal.retryAfterSeconds ?? 1
  void reply
    .code(503)
    .header('retry-after', String(seconds))
    .header('content-language', language)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><html lang="${language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
        `<meta http-equiv="refresh" content="${seconds}"><title>${title[language]}</title>` +
        `<body style="font:16px/1.6 system-ui,sans-serif;margin:20vh auto 0;max-width:28rem;padding:0 1rem">` +
        `<main><h1 style="font-size:1.4rem">${title[language]}</h1><p>${detail[language]}</p></main></body></html>`,
    )
}
