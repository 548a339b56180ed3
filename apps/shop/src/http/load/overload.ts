/**
 * Overload protection: a process answers as much as it can, money first, and refuses the rest with the time of the next
 * try (503, `Retry-After`). `load-shedding.ts` decides.
 *
 * Why not `@fastify/under-pressure`: it refuses all requests alike once the event loop is late. It knows no payments,
 * it does not notice requests that pile up behind a locked table (the loop is idle then), and it samples only now and
 * then.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { REFUSALS, readerLanguage, ShopError } from '../../errors.ts'
import { lineOf } from '../addresses/address-line.ts'
import { sendProblem } from '../problem.ts'
import { createLoadShedder, type LoadShedder } from './load-shedding.ts'
import type { Priority } from './waiting-line.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Pages and browsing, the default, go last. An operator's requests are always answered. */
    priority?: Exclude<Priority, 'unverified'> | 'operator'
  }
}

const REFUSALS_OF: Readonly<Record<Priority, ShopError>> = {
  notification: new ShopError('OVERLOADED', { retryAfterSeconds: 1 }),
  payment: new ShopError('OVERLOADED', { retryAfterSeconds: 1 }),
  unverified: new ShopError('OVERLOADED', { retryAfterSeconds: 5 }),
  page: new ShopError('OVERLOADED', { retryAfterSeconds: 3 }),
  browsing: new ShopError('OVERLOADED', { retryAfterSeconds: 3 }),
}

export interface Overload {
  readonly shedder: LoadShedder
  /** The number of refused requests since the start. */
  readonly shed: Readonly<Record<Priority, number>>
  /** Admits or refuses each of the application's requests before any other hook. */
  guard(app: FastifyInstance): void
}

/** The slot of a request in progress. */
interface Slot {
  leave(): void
  comeBack(): void
  held: boolean
  /** See `noteVerified`. */
  noteVerified(verified: boolean): void
  moneyIsHere(): boolean
}

const current = new AsyncLocalStorage<Slot>()

/**
 * Gives the request's slot back while it waits for another server, so that a gateway that does not answer occupies no
 * slot of this shop. Outside of a request it only waits.
 */
export async function waitOutside<Result>(wait: () => Promise<Result>): Promise<Result> {
  const slot = current.getStore()
  if (!slot?.held) return wait()
  slot.leave()
  try {
    return await wait()
  } finally {
    slot.comeBack()
  }
}

/** Gives the slot back for good: an event stream stays open without doing work. */
export function releaseSlot(): void {
  current.getStore()?.leave()
}

/** Whether orders or notifications are in progress in this process: work that can wait does less meanwhile. */
export const moneyIsHere = (): boolean => current.getStore()?.moneyIsHere() ?? false

/** Records whether this notification's signature was valid: that decides the priority of the sender's next one. */
export function noteVerified(verified: boolean): void {
  current.getStore()?.noteVerified(verified)
}

/** How many senders of unverified notifications are remembered, and for how long. */
const MAX_DOUBTED = 10_000
const DOUBTED_MS = 60_000

interface Gate {
  readonly shedder: LoadShedder
  readonly shed: Record<Priority, number>
  readonly slots: WeakMap<FastifyRequest, Slot>
  /** By sender, when its last notification was found unverified. */
  readonly doubted: Map<string, number>
  readonly accountOf: (request: FastifyRequest) => string | undefined
}

/**
 * @param accountOf the account whose token a request carries, as far as that is known without a query: the request then
 *   counts for its account and not for its address, which many people may share
 * @param connections the size of the database pool: more concurrent requests would only wait for each other there
 */
export function createOverload(connections: number, accountOf: Gate['accountOf'] = () => undefined): Overload {
  const gate: Gate = {
    // Two connections remain for readers when every payment waits for the same lock.
    shedder: createLoadShedder({ money: Math.max(3, connections - 2), browsing: Math.max(2, connections * 2) }),
    shed: { notification: 0, payment: 0, unverified: 0, page: 0, browsing: 0 },
    slots: new WeakMap(),
    doubted: new Map(),
    accountOf,
  }
  return { shedder: gate.shedder, shed: gate.shed, guard: (app) => guard(gate, app) }
}

function guard(gate: Gate, app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const priority = priorityOf(request)
    // Answered at the latest when a page would be refused.
    if (priority === 'operator') return takeTurn(gate, request, reply, done, done)
    if (!hasBody(request)) return letIn(gate, request, reply, priority, done)
    // A slow body takes no slot until it has arrived. But most are refused before they are read, which takes time too.
    if (priority === 'notification' || gate.accountOf(request) !== undefined) return done()
    takeTurn(gate, request, reply, done, () => refuse(gate, request, reply, 'page'))
  })
  app.addHook('preValidation', (request, reply, done) => {
    const priority = priorityOf(request)
    if (priority === 'operator' || !hasBody(request)) return done()
    letIn(gate, request, reply, priority, done)
  })
  // From here on only the client's speed counts. Every admitted request passes through here.
  app.addHook('onSend', (request, _reply, _payload, done) => {
    gate.slots.get(request)?.leave()
    done()
  })
}

function letIn(gate: Gate, request: FastifyRequest, reply: FastifyReply, named: Priority, done: () => void): void {
  const sender = senderOf(gate, request)
  const priority = named === 'notification' && isDoubted(gate, sender) ? 'unverified' : named
  const slot = createSlot(gate, sender, priority)
  gate.slots.set(request, slot)
  const admitted = () => {
    slot.held = true
    current.run(slot, done)
  }
  const giveUp = gate.shedder.enter(priority, sender, admitted, () => refuse(gate, request, reply, priority))
  if (giveUp) reply.raw.once('close', giveUp)
}

function createSlot({ shedder, doubted }: Gate, sender: string, priority: Priority): Slot {
  const slot: Slot = {
    held: false,
    leave() {
      if (!slot.held) return
      slot.held = false
      shedder.leave(priority)
    },
    comeBack() {
      slot.held = true
      shedder.comeBack(priority)
    },
    moneyIsHere: shedder.moneyIsHere,
    noteVerified(verified) {
      if (doubted.size >= MAX_DOUBTED) doubted.clear()
      if (verified) doubted.delete(sender)
      else doubted.set(sender, performance.now())
    },
  }
  return slot
}

/** Waits its turn like a page and takes no slot. */
function takeTurn(
  gate: Gate,
  request: FastifyRequest,
  reply: FastifyReply,
  done: () => void,
  refused: () => void,
): void {
  const admitted = () => {
    done()
    gate.shedder.leave('page')
  }
  const giveUp = gate.shedder.enter('page', senderOf(gate, request), admitted, refused)
  if (giveUp) reply.raw.once('close', giveUp)
}

function refuse({ shed }: Gate, request: FastifyRequest, reply: FastifyReply, priority: Priority): void {
  shed[priority] += 1
  sendRefusal(request, reply, REFUSALS_OF[priority])
}

function isDoubted({ doubted }: Gate, sender: string): boolean {
  return performance.now() - (doubted.get(sender) ?? Number.NEGATIVE_INFINITY) < DOUBTED_MS
}

function senderOf({ accountOf }: Gate, request: FastifyRequest): string {
  const account = accountOf(request)
  return account === undefined ? lineOf(request.ip) : `account ${account}`
}

/** Paths that need a database or an image; all others are files and pages made of them. */
const MADE = /^\/(api|covers)\//

/** By the matched route and not by the written path: `/%61pi/` leads to the same route. */
const priorityOf = ({ routeOptions, url }: FastifyRequest): Priority | 'operator' =>
  routeOptions.config.priority ?? (MADE.test(routeOptions.url ?? url) ? 'browsing' : 'page')

const hasBody = ({ method }: FastifyRequest): boolean => method !== 'GET' && method !== 'HEAD'

/** For page requests the refusal is a page that reloads itself. */
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
