/** What the back office says, typed; and what the server names (an event, a reason) in words, where there are some. */
import { isSaid, speaker } from '../src/i18n.ts'
import type chinese from './locales/zh-CN.ts'
import { methodName, payMethods } from './shop.ts'

export const w = speaker<typeof chinese>('desk')

type Group = keyof typeof chinese & string

/** A name of the server's in words; as it is where these pages do not know it. */
export function named(group: Group, name: string): string {
  const key = name.trim().replace(/[^\w-]+/g, '_')
  return isSaid(`desk.${group}.${key}`) ? w(`${group}.${key}` as Parameters<typeof w>[0]) : name
}

/** What a notification did: `set aside: REASON` names why. */
export function effect(of: string): string {
  const reason = /^set aside: (\w+)$/.exec(of)?.[1]
  return reason === undefined ? named('effect', of) : w('effect.set_aside', { reason: named('why', reason) })
}

/** What a row of money health says: a notification's effect, a difference with its number, or a reason. */
export function finding(of: string): string {
  const [, kind, rest] = /^([A-Z]+(?:_[A-Z]+)+) (\S+)$/.exec(of) ?? []
  if (kind && rest) return `${named('kind', kind)} ${rest}`
  return of.startsWith('set aside: ') ? effect(of) : named('why', of)
}

/** What a row of money health is about: `notification 8`, `course 3`, a difference's kind, a job's task, or a number as it is. */
export function about(of: string): string {
  const [, thing, id] = /^(notification|course) (\d+)$/.exec(of) ?? []
  if (thing && id) return `${named('thing', thing)} ${id}`
  return named('kind', named('task', of))
}

/** A reason as the history keeps it: a sentence of the shop's own, or what a person wrote. */
export function reason(of: string): string {
  const [, provider, tradeNo, source] = /^(\w+) (\S+), (\w[\w ]*)$/.exec(of) ?? []
  // What a person wrote may look the same.
  if (provider && tradeNo && source && payMethods().some(({ name }) => name === provider)) {
    return w('why.paid', { provider: methodName(provider), tradeNo, source: named('source', source) })
  }
  const [, why, requestNo] = /^(.*), refund (\w+)$/.exec(of) ?? []
  if (why !== undefined && requestNo) return w('why.refund', { why: named('why', why), requestNo })
  return methodName(named('why', of))
}
