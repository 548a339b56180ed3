/**
 * A provider whose settings may change while the shop runs. New payments go to the merchant in use; whatever was begun with
 * a former one is found there, since attempt numbers are unguessable and only one merchant knows each.
 */
import { ShopError } from '../../errors.ts'
import { givesUpOnHanging } from './hanging.ts'
import type { GatewayTrade, Links, PaymentProvider, ReadNotification } from './provider.ts'

/** The editions there are just now. */
export interface Editions<Provider extends PaymentProvider = PaymentProvider> {
  /** Takes new payments. */
  readonly inUse: Provider | undefined
  /** One a merchant, the one in use first. */
  readonly merchants: readonly Provider[]
  /** All of them, former keys of the same merchant included. */
  readonly all: readonly Provider[]
}

export function liveProvider(name: string, editions: () => Editions): PaymentProvider {
  const calling = givesUpOnHanging()
  const inUse = (): PaymentProvider => {
    const provider = editions().inUse
    if (!provider) throw new ShopError('PAY_METHOD_UNAVAILABLE')
    return provider
  }

  /** Whose attempt it is. None of them knows one that nobody has opened yet: it is answered for by the one in use. */
  async function whose(attemptNo: string): Promise<{ provider: PaymentProvider; trade: GatewayTrade }> {
    const [first, ...others] = editions().merchants
    if (!first) throw new ShopError('GATEWAY_UNAVAILABLE')
    const answer = { provider: first, trade: await calling(() => first.ask(attemptNo)) }
    for (const provider of answer.trade.state === 'none' ? others : []) {
      const trade = await calling(() => provider.ask(attemptNo))
      if (trade.state !== 'none') return { provider, trade }
    }
    return answer
  }

  const patient = (links: Links): Links =>
    links.made === 'here'
      ? links
      : { made: 'there', order: (attempt, payer) => calling(() => links.order(attempt, payer)) }

  return {
    name,
    channelFor: (payer) => inUse().channelFor(payer),
    // Without a merchant in use, what is open can still be paid to the one that it was opened with.
    get links() {
      return patient((editions().merchants[0] ?? inUse()).links)
    },
    ask: async (attemptNo) => (await whose(attemptNo)).trade,

    async close(attemptNo) {
      // At every merchant: one that has not heard of the number must not hear of it later.
      for (const provider of editions().merchants) await calling(() => provider.close(attemptNo))
    },

    async refund(refund) {
      const { merchants } = editions()
      const [only] = merchants
      const provider = merchants.length === 1 && only ? only : (await whose(refund.attemptNo)).provider
      return calling(() => provider.refund(refund))
    },

    async bill(day) {
      const lines = []
      for (const provider of editions().merchants) {
        const bill = await provider.bill(day)
        if (bill.state === 'not yet') return bill
        lines.push(...bill.lines)
      }
      return { state: 'ready', lines }
    },

    async readNotification(raw) {
      let first: ReadNotification | undefined
      for (const provider of editions().all) {
        const read = await provider.readNotification(raw)
        if (read.checks.every(({ passed }) => passed)) return read
        first ??= read
      }
      return first ?? { checks: [{ check: 'signature', passed: false, detail: 'NOT_SET_UP: there are no keys' }] }
    },
  }
}
