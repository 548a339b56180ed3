/** `/sandbox/api/faults`: deliberate faults. */
import { type Static, Type } from 'typebox'
import { FAULTS, type Fault, type FaultOptions } from '../core/faults/fault.ts'
import { rfc3339 } from '../core/time.ts'
import type { Sandbox } from '../sandbox.ts'
import { type Application, Refused } from './application.ts'
import { bodyOf, ErrorShape } from './shapes.ts'

const Kind = Type.Union(FAULTS.map((kind) => Type.Literal(kind)))
const Scope = Type.Union([
  Type.Literal('all'),
  bodyOf({ outTradeNo: Type.String({ maxLength: 64 }), appId: Type.Optional(Type.String()) }),
  bodyOf({ appId: Type.String() }),
])
const Options = {
  probability: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  method: Type.Optional(Type.String({ description: 'Only calls of this method, e.g. alipay.trade.refund' })),
  seconds: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 31_536_000, description: 'Of delay, reorder, pay-late and the time-outs' }),
  ),
  subCode: Type.Optional(Type.String({ maxLength: 100, description: 'Of business-error' })),
  subMsg: Type.Optional(Type.String({ maxLength: 500 })),
}
const FaultInput = bodyOf({
  kind: Kind,
  scope: Type.Optional(Scope),
  times: Type.Optional(Type.Integer({ minimum: 1, description: 'How often it strikes; unlimited by default' })),
  ...Options,
})
const FaultShape = Type.Object({
  id: Type.Integer(),
  kind: Type.String(),
  scope: Scope,
  remaining: Type.Union([Type.Integer(), Type.Null()]),
  createdAt: Type.String(),
  ...Options,
})

function faultJson({ id, kind, scope, options, remaining, createdAt }: Fault): Static<typeof FaultShape> {
  const { appId, outTradeNo } = scope
  const narrowed =
    outTradeNo !== undefined
      ? { outTradeNo, ...(appId !== undefined && { appId }) }
      : appId !== undefined
        ? { appId }
        : 'all'
  return { id, kind, scope: narrowed, remaining: remaining ?? null, createdAt: rfc3339(createdAt), ...options }
}

export function faultRoutes(app: Application, sandbox: Sandbox): void {
  const { faults } = sandbox

  app.get(
    '/sandbox/api/faults',
    {
      schema: {
        summary: 'The active faults, and how often each kind has struck so far',
        response: {
          200: Type.Object({ items: Type.Array(FaultShape), strikes: Type.Record(Type.String(), Type.Integer()) }),
        },
      },
    },
    () => ({
      items: faults.list().map(faultJson),
      strikes: faults.strikes(),
    }),
  )

  app.post(
    '/sandbox/api/faults',
    { schema: { summary: 'Sets a fault', body: FaultInput, response: { 201: FaultShape, '4xx': ErrorShape } } },
    async (request, reply) => {
      const { kind, scope = 'all', times, ...rest } = request.body
      const options: FaultOptions = rest
      const fault = faults.add({
        kind,
        scope: scope === 'all' ? {} : scope,
        options,
        ...(times !== undefined && { times }),
      })
      sandbox.changed()
      return reply.code(201).send(faultJson(fault))
    },
  )

  app.delete(
    '/sandbox/api/faults',
    { schema: { summary: 'Removes all faults', response: { 204: Type.Null() } } },
    async (_request, reply) => {
      faults.removeAll()
      sandbox.changed()
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/sandbox/api/faults/:id',
    {
      schema: {
        params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
        response: { 204: Type.Null(), '4xx': ErrorShape },
      },
    },
    async (request, reply) => {
      if (!faults.remove(request.params.id))
        throw new Refused(404, 'FAULT_NOT_FOUND', `there is no fault ${request.params.id}`)
      sandbox.changed()
      return reply.code(204).send(null)
    },
  )
}
