/** Which providers this shop has: those that are set up, by the environment, by the owner, or as the sandbox's merchant. */
import type { Logger } from 'pino'
import type { Clock } from '../../clock.ts'
import type { Config, Environment } from '../../config.ts'
import type { Application } from '../../http/application.ts'
import type { Payments } from '../payments.ts'
import { ALIPAY } from './alipay/kind.ts'
import { registerAlipayMerchant } from './alipay/sandbox-merchant.ts'
import { configWith, type Edition, type ProviderKind } from './kind.ts'
import { type Editions, liveProvider } from './live.ts'
import type { PaymentProvider } from './provider.ts'
import { WECHAT } from './wechat/kind.ts'
import { registerWechatMerchant } from './wechat/sandbox-merchant.ts'

/** Settings that the owner entered, opened. */
export interface EnteredSettings {
  readonly id: number
  readonly provider: string
  readonly values: Environment
  readonly inUse: boolean
}

/** Where a provider's settings come from. The environment's win over what was entered, and that over the sandbox's. */
export type Source = 'environment' | 'entered' | 'sandbox'

export interface Providers {
  /** Every provider that has settings, former ones included. What it holds changes as settings do. */
  readonly byName: ReadonlyMap<string, PaymentProvider>
  /** Those that take new payments. */
  offered(): string[]
  /** Those of them that give a phone nothing else than a computer. */
  sameOnPhones(): string[]
  sourceOf(name: string): Source | undefined
  /** Takes up what the owner entered, in place of what was taken up before. */
  take(entered: readonly EnteredSettings[]): void
  /** Adds the addresses that the gateways and the returning buyers call. */
  addRoutes(app: Application, payments: Payments): void
}

const DEVICES = ['computer', 'phone'] as const

/** Adding a provider means one folder and one entry here. */
export const KINDS: readonly ProviderKind[] = [ALIPAY, WECHAT]

export const kindNamed = (name: string): ProviderKind | undefined => KINDS.find((kind) => kind.name === name)

/** @throws SettingError where the environment's own settings are wrong */
export function createProviders(config: Config, clock: Clock, log: Logger): Providers {
  const byName = new Map<string, PaymentProvider>()
  const slots = KINDS.map((kind) => openSlot(kind, config, clock, log))
  const take = (entered: readonly EnteredSettings[]) => {
    for (const slot of slots) {
      slot.take(entered.filter(({ provider }) => provider === slot.name))
      if (slot.editions().all.length > 0) byName.set(slot.name, slot.live)
      else byName.delete(slot.name)
    }
  }
  take([])
  return {
    byName,
    take,
    offered: () => slots.filter((slot) => slot.editions().inUse).map(({ name }) => name),
    sameOnPhones: () =>
      slots.flatMap(({ name, editions }) => {
        const provider = editions().inUse?.provider
        const channels = new Set(DEVICES.map((device) => provider?.channelFor({ device, address: '' })))
        return channels.size === 1 ? [name] : []
      }),
    sourceOf: (name) => slots.find((slot) => slot.name === name)?.source(),
    addRoutes(app, payments) {
      for (const slot of slots) slot.addRoutes(app, payments)
    },
  }
}

/**
 * Opens what the environment sets up, once, before anything is started for it; nothing where it names no such setting.
 * @throws SettingError naming the first that is wrong
 */
export async function refuseBadSettings(config: Config): Promise<void> {
  const given = Object.entries(config.environment).filter(([, value]) => value?.trim())
  const kinds = KINDS.filter(({ prefix }) => given.some(([name]) => name.startsWith(prefix)))
  if (kinds.length === 0) return
  // Whoever only looks at settings writes no log; a parent without any loads none.
  const [{ createLog }, { systemClock }] = await Promise.all([import('../../log.ts'), import('../../clock.ts')])
  for (const kind of kinds) kind.open(configWith(config, config.environment), systemClock, createLog('silent', 'start'))
}

/** One provider's place: what there is of it just now. */
function openSlot<Provider extends PaymentProvider>(
  kind: ProviderKind<Provider>,
  config: Config,
  clock: Clock,
  log: Logger,
) {
  const given = kind.open(config, clock, log)
  const fixed = kind.isSetUp(config.environment)
  const opened = new Map<number, Edition<Provider> | undefined>()
  let now: Editions<Provider> = { inUse: undefined, all: [] }
  let source: Source | undefined
  const live = liveProvider(kind.name, () => now)

  const openEntered = ({ id, values }: EnteredSettings): Edition<Provider> | undefined => {
    if (!opened.has(id)) {
      try {
        opened.set(id, kind.open(configWith(config, values), clock, log))
      } catch (error) {
        // What was stored was examined; should it not open any more, the shop runs on without it, and the page says so.
        log.error({ err: error, provider: kind.name, settings: id }, 'stored payment settings could not be used')
        opened.set(id, undefined)
      }
    }
    return opened.get(id)
  }

  return {
    name: kind.name,
    live,
    editions: () => now,
    source: () => source,
    take(entered: readonly EnteredSettings[]) {
      const active = entered.find(({ inUse }) => inUse)
      const chosen = active && openEntered(active)
      const former = entered.filter(({ inUse }) => !inUse).map(openEntered)
      const ordered = fixed ? [given, chosen, ...former] : [chosen, given, ...former]
      const editions = ordered.filter((edition) => edition !== undefined)
      source = fixed ? 'environment' : chosen ? 'entered' : given ? 'sandbox' : undefined
      now = { inUse: source ? editions[0] : undefined, all: editions }
    },
    addRoutes: (app: Application, payments: Payments) => {
      const providers = () => now.all.map(({ provider }) => provider)
      return kind.addRoutes(app, payments, live, providers)
    },
  }
}

/** Makes the shop a merchant of its own sandbox, with every provider that is not set up otherwise. */
export async function registerWithSandbox(config: Config): Promise<void> {
  await Promise.all([registerAlipayMerchant(config), registerWechatMerchant(config)])
}

/** Whether a provider's real gateway is set up, so that no sandbox is wanted unless it is asked for. */
export const hasRealGateway = (environment: Environment): boolean => KINDS.some((kind) => kind.isSetUp(environment))
