/** The providers of this shop: those set up by the environment, by the owner, or as the sandbox's merchant. */
import type { Logger } from 'pino'
import type { Clock } from '../../clock.ts'
import type { Config, Environment } from '../../config.ts'
import type { Application } from '../../http/application.ts'
import { type PaymentProvider, SOMEWHERE } from '../contract.ts'
import type { Payments } from '../payments.ts'
import { configWith, isSetUp, type MerchantInstance, type ProviderDefinition, type Source } from './definition.ts'
import { METHODS } from './methods.ts'
import { type MerchantInstances, routedProvider } from './router.ts'

/** Settings that the owner entered, decrypted; without values if they cannot be. */
export interface EnteredSettings {
  readonly id: number
  readonly provider: string
  readonly values: Environment | undefined
  readonly inUse: boolean
}

export interface Providers {
  /**
   * Every provider with something to query, refund or close, including by retired settings; all of them before the settings
   * have been read. The map changes as settings do.
   */
  readonly byName: ReadonlyMap<string, PaymentProvider>
  /** Those that take new payments. */
  offered(): string[]
  /** Those of them that give phones the same product as computers. */
  sameOnPhones(): string[]
  sourceOf(name: string): Source | undefined
  /** Whether a method takes new payments at the sandbox, where anyone can pay. */
  usesSandbox(): boolean
  /**
   * Whether its settings in use cannot be read or opened: the method takes no payments until they can, or others are
   * entered.
   */
  isBlocked(name: string): boolean
  /**
   * The merchants that are known, without those that only these stored settings make known. The sandbox's stays known
   * when it has ended: what was opened there is closed.
   */
  merchantsWithout(name: string, stored?: number): string[]
  /**
   * Replaces the settings that the owner entered. If some of them cannot be read, there may be a real merchant: the
   * sandbox is not used then, and neither before they have been loaded.
   */
  take(entered: readonly EnteredSettings[]): void
  /** Adds the routes that gateways and returning buyers call. */
  addRoutes(app: Application, payments: Payments): void
}

const DEVICES = ['computer', 'phone'] as const

/** @throws SettingError if the environment's own settings are wrong */
export function createProviders(config: Config, clock: Clock, log: Logger): Providers {
  const byName = new Map<string, PaymentProvider>()
  const entries = METHODS.map((definition) => openEntry(definition, config, clock, log))
  const take = (entered: readonly EnteredSettings[] | 'not loaded') => {
    const ofEntry = ({ name }: { name: string }) =>
      entered === 'not loaded' ? [] : entered.filter(({ provider }) => provider === name)
    // As soon as one merchant takes real money, no course may be bought with the sandbox's.
    const real = new Set(entries.map((entry) => entry.isReal(ofEntry(entry))))
    if (entered === 'not loaded') real.add('unknown')
    const sandbox = real.has('yes') ? 'ended' : real.has('unknown') ? 'unused' : 'used'
    for (const entry of entries) {
      entry.take(ofEntry(entry), sandbox, entered !== 'not loaded')
      // Once the sandbox has ended, what was opened there is closed, also where there are no other settings.
      const isKnown = sandbox === 'ended' || entry.instances().all.length > 0
      if (isKnown || entered === 'not loaded') byName.set(entry.name, entry.router)
      else byName.delete(entry.name)
    }
  }
  take('not loaded')
  return {
    byName,
    take,
    offered: () => entries.filter((entry) => entry.instances().inUse).map(({ name }) => name),
    sameOnPhones: () =>
      entries.flatMap(({ name, instances }) => {
        const provider = instances().inUse?.provider
        const channels = new Set(DEVICES.map((device) => provider?.channelFor({ device, address: SOMEWHERE })))
        return channels.size === 1 ? [name] : []
      }),
    usesSandbox: () => entries.some((entry) => entry.source() === 'sandbox'),
    sourceOf: (name) => entries.find((entry) => entry.name === name)?.source(),
    isBlocked: (name) => entries.some((entry) => entry.name === name && entry.isBlocked()),
    merchantsWithout: (name, stored) => entries.find((entry) => entry.name === name)?.merchantsWithout(stored) ?? [],
    addRoutes(app, payments) {
      for (const entry of entries) entry.addRoutes(app, payments)
    },
  }
}

/**
 * Opens the settings of the environment once, before anything is started for them; does nothing if it has none.
 * @throws SettingError naming the first that is wrong
 */
export async function refuseBadSettings(config: Config): Promise<void> {
  const given = Object.entries(config.environment).filter(([, value]) => value?.trim())
  const methods = METHODS.filter(({ prefix }) => given.some(([name]) => name.startsWith(prefix)))
  if (methods.length === 0) return
  // Loaded only here: the parent process needs no logger unless there are settings to check.
  const [{ createLog }, { systemClock }] = await Promise.all([import('../../log.ts'), import('../../clock.ts')])
  for (const method of methods)
    method.open(configWith(config, config.environment, method.fields), systemClock, createLog('silent', 'start'))
}

/** One provider's registry entry: its current merchant instances. */
function openEntry<Provider extends PaymentProvider>(
  definition: ProviderDefinition<Provider>,
  config: Config,
  clock: Clock,
  log: Logger,
) {
  const fromStart = definition.open(config, clock, log)
  const fixed = isSetUp(definition, config.environment)
  const opened = new Map<number, MerchantInstance<Provider> | undefined>()
  let now: MerchantInstances<Provider> = { inUse: undefined, all: [] }
  let source: Source | undefined
  let blocked = false
  const router = routedProvider(definition.name, () => now)

  const openEntered = ({ id, values }: EnteredSettings): MerchantInstance<Provider> | undefined => {
    if (!values) return undefined
    if (!opened.has(id)) {
      try {
        opened.set(id, definition.open(configWith(config, values, definition.fields), clock, log))
      } catch (error) {
        // Settings are checked before they are stored; if they can no longer be opened, the shop runs without them and
        // the page says so.
        log.error({ err: error, provider: definition.name, settings: id }, 'stored payment settings could not be used')
        opened.set(id, undefined)
      }
    }
    return opened.get(id)
  }

  return {
    name: definition.name,
    router,
    instances: () => now,
    source: () => source,
    isBlocked: () => blocked,
    merchantsWithout: (stored?: number) =>
      [fromStart, ...now.all]
        .filter((each) => each && (stored === undefined || each !== opened.get(stored)))
        .flatMap((each) => each?.provider.merchant ?? []),
    /** Whether any of its settings are for a real gateway; those that cannot be opened may be. */
    isReal(entered: readonly EnteredSettings[]): 'yes' | 'no' | 'unknown' {
      const instances = entered.map(openEntered)
      if (fromStart?.real === true || instances.some((each) => each?.real)) return 'yes'
      return instances.includes(undefined) ? 'unknown' : 'no'
    },
    take(entered: readonly EnteredSettings[], sandbox: 'used' | 'unused' | 'ended', isLoaded: boolean) {
      const given = fromStart?.sandbox && sandbox !== 'used' ? undefined : fromStart
      const active = entered.find(({ inUse }) => inUse)
      const chosen = active && openEntered(active)
      blocked = !fixed && active !== undefined && chosen === undefined
      const retired = entered.filter(({ inUse }) => !inUse).map(openEntered)
      // guard: retired-keys
      const ordered = fixed ? [given, chosen, ...retired] : [chosen, given, ...retired]
      const all = ordered.filter((instance) => instance !== undefined)
      source = fixed ? 'environment' : chosen ? 'entered' : given ? 'sandbox' : undefined
      const someUnreadable = !isLoaded || entered.some((each) => openEntered(each) === undefined)
      const inUse = source && !blocked ? all[0] : undefined
      now = { inUse, all, someUnreadable, isLoaded, sandboxEnded: sandbox === 'ended' }
    },
    addRoutes: (app: Application, payments: Payments) => {
      const providers = () => now.all.map(({ provider }) => provider)
      return definition.addRoutes(app, payments, router, providers)
    },
  }
}

/** Makes the shop a merchant of its own sandbox, with every provider that is not set up otherwise. */
export async function registerWithSandbox(config: Config): Promise<void> {
  await Promise.all(METHODS.map((provider) => provider.registerWithSandbox(config)))
}
