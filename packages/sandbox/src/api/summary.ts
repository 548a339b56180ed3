/** `/sandbox/api/summary`: what each merchant has taken. */
import { Type } from 'typebox'
import { type Fen, subtract, yuan, ZERO } from '../core/money.ts'
import type { Sandbox } from '../sandbox.ts'
import type { Application } from './application.ts'

const Summary = Type.Object({
  items: Type.Array(
    Type.Object({
      appId: Type.String(),
      name: Type.String(),
      paidCount: Type.Integer(),
      paidAmount: Type.String(),
      refundedTradeCount: Type.Integer(),
      refundedAmount: Type.String(),
      netAmount: Type.String(),
    }),
  ),
  wechat: Type.Array(
    Type.Object({
      mchId: Type.String(),
      name: Type.String(),
      paidCount: Type.Integer(),
      paidAmount: Type.String(),
      refundedTradeCount: Type.Integer(),
      refundedAmount: Type.String(),
      netAmount: Type.String(),
    }),
  ),
})
export function summaryRoute(app: Application, sandbox: Sandbox): void {
  app.get(
    '/sandbox/api/summary',
    { schema: { summary: 'Takings per merchant: paid, refunded, remaining', response: { 200: Summary } } },
    () => {
      const { wechat } = sandbox
      const takings = new Map(sandbox.trades.takings().map((each) => [each.appId, each]))
      const ofWechat = new Map(wechat.trades.takings().map((each) => [each.mchId, each]))
      return {
        items: sandbox.merchants.list().map(({ appId, name }) => ({ appId, name, ...sumsJson(takings.get(appId)) })),
        wechat: wechat.merchants.list().map(({ mchId, name }) => ({ mchId, name, ...sumsJson(ofWechat.get(mchId)) })),
      }
    },
  )
}

interface Takings {
  readonly paidCount: number
  readonly paid: Fen
  readonly refundCount: number
  readonly refunded: Fen
}

const sumsJson = (sums: Takings = { paidCount: 0, paid: ZERO, refundCount: 0, refunded: ZERO }) => ({
  paidCount: sums.paidCount,
  paidAmount: yuan(sums.paid),
  refundedTradeCount: sums.refundCount,
  refundedAmount: yuan(sums.refunded),
  netAmount: yuan(subtract(sums.paid, sums.refunded)),
})
