/** Every setting of the shop, read once from the environment and `.env`, checked, and passed on as a typed value. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import { isLive } from './live.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** A setting is wrong; the message is the one line that the operator sees. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
  readonly setting: string
  /** What is wrong with it, without the example. */
  readonly problem: string

  constructor(setting: string, problem: string, example: string) {
    super(`${setting}: ${problem}. Example: ${setting}=${example}`)
    this.setting = setting
    this.problem = problem
  }
}

export interface Config {
  readonly production: boolean
  /** Whether the settings alone make the shop live; keys entered later by the owner also do. */
  readonly live: boolean
  readonly host: string
  readonly port: number
  /** The address at which buyers and gateways reach the shop, without a trailing slash. */
  readonly publicUrl: string
  readonly dataDir: string
  /** Undefined for the embedded server in the data folder. */
  readonly databaseUrl: string | undefined
  readonly workers: number
  readonly sandbox: SandboxPlace & { readonly enabled: boolean }
  /** Where the metrics are served. */
  readonly metrics: MetricsPlace
  /** Demo courses, and demo accounts while the shop is not live. */
  readonly demo: boolean
  /** `DEMO=on`: demo accounts are also open to people on other machines. */
  readonly demoByName: boolean
  /** Undefined: created on the first start and stored in the data folder. */
  readonly authSecret: string | undefined
  readonly orderTtlMinutes: number
  /** The number of reverse proxies in front: this many entries of X-Forwarded-For are trusted. */
  readonly trustedProxies: number
  readonly logLevel: string
  /** The rest of the environment, for the payment providers' own settings. */
  readonly environment: Environment
}

export interface MetricsPlace {
  readonly host: string
  /** Undefined when the metrics are off. */
  readonly port: number | undefined
  /** Whether the port was set explicitly: only then a taken port fails the start. */
  readonly asked: boolean
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Adds `.env` in `directory` to the environment; the environment takes precedence. */
export function loadEnvironment(directory: string, environment: NodeJS.ProcessEnv = process.env): Environment {
  const file = resolve(directory, '.env')
  if (existsSync(file)) {
    const before = { ...environment }
    process.loadEnvFile(file)
    Object.assign(environment, before)
  }
  return environment
}

/**
 * Reads and checks all settings.
 * @param hasRealMerchant whether the environment configures a merchant at a real gateway, which only the providers know
 * @throws SettingError for the first bad one
 */
export function readConfig(environment: Environment, hasRealMerchant: (environment: Environment) => boolean): Config {
  const production = environment['NODE_ENV'] === 'production'
  const { dataDir, ...place } = readSandboxPlace(environment)
  const host = hostName(environment, 'HOST')
  const port = integer(environment, 'PORT', 8000, 0, 65535)
  const publicUrl = publicAddress(environment)
  const live = isLive({ production, publicUrl, realMerchant: hasRealMerchant(environment) })
  const sandbox = { enabled: flag(environment, 'SANDBOX', !live), ...place }
  if (sandbox.enabled && sandbox.port !== 0 && sandbox.port === port) {
    throw new SettingError('SANDBOX_PORT', `${port} is the shop's own port (PORT)`, String(port + 100))
  }
  return {
    production,
    live,
    host,
    port,
    publicUrl: publicUrl ?? addressOf(host, port),
    dataDir,
    databaseUrl: databaseAddress(environment),
    workers: integer(environment, 'WORKERS', availableParallelism(), 1, 256),
    sandbox,
    metrics: metricsPlace(environment, [port, sandbox.port]),
    demo: flag(environment, 'DEMO', !live),
    demoByName: flag(environment, 'DEMO', false),
    authSecret: authSecret(environment, production),
    orderTtlMinutes: integer(environment, 'ORDER_TTL_MINUTES', 30, MIN_ORDER_MINUTES, MAX_ORDER_MINUTES, ORDER_WHY),
    trustedProxies: integer(environment, 'TRUST_PROXY', 0, 0, 10),
    logLevel: oneOf(environment, 'LOG_LEVEL', production ? 'info' : 'warn', LOG_LEVELS),
    environment,
  }
}

/** Where the sandbox listens: on this machine only, whatever the shop does, unless its own settings say otherwise. */
export interface SandboxPlace {
  readonly host: string
  readonly port: number
  /** Host names, besides its own and loopback ones, for its pages and its API. */
  readonly allowedHosts: readonly string[]
}

/** All settings of the sandbox when it runs alone. @throws SettingError */
export const readSandboxPlace = (environment: Environment): SandboxPlace & { readonly dataDir: string } => ({
  host: hostName(environment, 'SANDBOX_HOST'),
  port: integer(environment, 'SANDBOX_PORT', 8100, 0, 65535),
  allowedHosts: hostNames(environment, 'SANDBOX_ALLOWED_HOSTS'),
  dataDir: dataFolder(environment),
})

/** The address at which this machine reaches a listener at `host`; "all addresses" is not one to connect to. */
export function addressOf(host: string, port: number): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${isIP(reached) === 6 ? `[${reached}]` : reached}:${port}`
}

export const sandboxAddress = ({ sandbox }: Pick<Config, 'sandbox'>): string => addressOf(sandbox.host, sandbox.port)

/** A setting given as text in `NAME` or as a file in `NAME_FILE`. @throws SettingError when the file cannot be read */
export function textOrFile(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim()
  if (value) return value
  const file = environment[`${name}_FILE`]?.trim()
  if (!file) return undefined
  try {
    return readFileSync(resolve(file), 'utf8')
  } catch {
    throw new SettingError(`${name}_FILE`, `the file ${file} cannot be read`, './data/keys/key.pem')
  }
}

function text(environment: Environment, name: string, fallback: string): string {
  return environment[name]?.trim() || fallback
}

function hostName(environment: Environment, name: string): string {
  return checkedHost(name, text(environment, name, '127.0.0.1'), '127.0.0.1')
}

/** Host names separated by commas. */
function hostNames(environment: Environment, name: string): string[] {
  const values = text(environment, name, '').split(',')
  return values.flatMap((value) => (value.trim() ? [checkedHost(name, value.trim(), 'sandbox.internal')] : []))
}

function checkedHost(setting: string, written: string, example: string): string {
  const value = written.replace(/^\[(.*)\]$/, '$1')
  if (isIP(value) || /^[A-Za-z0-9]([\w.-]*\w)?$/.test(value)) return value
  throw new SettingError(setting, `"${value}" is neither an IP address nor the name of a machine`, example)
}

function metricsPlace(environment: Environment, others: readonly number[]): MetricsPlace {
  const host = hostName(environment, 'METRICS_HOST')
  const value = environment['METRICS_PORT']?.trim().toLowerCase()
  if (value === 'off') return { host, port: undefined, asked: true }
  const port = integer(environment, 'METRICS_PORT', 9100, 0, 65535, ', and not off')
  if (value && port !== 0 && others.includes(port)) {
    const free = port < 65_535 - 200 ? port + 200 : 9100
    throw new SettingError('METRICS_PORT', `${port} is the shop's or the sandbox's own port`, String(free))
  }
  return { host, port, asked: Boolean(value) }
}

/** Created when first needed, so its nearest existing parent must be a folder. */
function dataFolder(environment: Environment): string {
  const folder = resolve(text(environment, 'DATA_DIR', './data'))
  let existing = folder
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing)
  if (statSync(existing).isDirectory()) return folder
  throw new SettingError('DATA_DIR', `${existing} is a file, not a folder`, './data')
}

/**
 * Less than seven days, the shortest limit of all payment methods, which counts from the request by the gateway's
 * clock.
 */
const MAX_ORDER_MINUTES = 7 * 24 * 60 - 10
/** No payment starts in the last two minutes of an order; the rest must be enough to choose a method and pay. */
const MIN_ORDER_MINUTES = 5
const ORDER_WHY =
  ': seven days less ten minutes is the most that every payment method allows, and less than 5 leaves no time to pay'

function integer(
  environment: Environment,
  name: string,
  fallback: number,
  least: number,
  most: number,
  why = '',
): number {
  const value = environment[name]?.trim()
  if (!value) return fallback
  const number = Number(value)
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw new SettingError(name, `"${value}" is not a whole number from ${least} to ${most}${why}`, String(fallback))
  }
  return number
}

export function flag(environment: Environment, name: string, fallback: boolean): boolean {
  const value = environment[name]?.trim().toLowerCase()
  if (!value) return fallback
  if (['1', 'on', 'true', 'yes'].includes(value)) return true
  if (['0', 'off', 'false', 'no'].includes(value)) return false
  throw new SettingError(name, `"${value}" is neither on nor off`, 'on')
}

function oneOf(environment: Environment, name: string, fallback: string, allowed: readonly string[]): string {
  const value = text(environment, name, fallback)
  if (!allowed.includes(value)) {
    throw new SettingError(name, `"${value}" is not one of ${allowed.join(', ')}`, fallback)
  }
  return value
}

/** The shop's own address: `https://host`, optionally with a port. Undefined if not set. */
function publicAddress(environment: Environment): string | undefined {
  const value = environment['PUBLIC_URL']?.trim()
  if (!value) return undefined
  const refuse = (problem: string) => new SettingError('PUBLIC_URL', problem, 'https://shop.example')
  const url = /^https?:\/\/[^\s/]/i.test(value) && URL.canParse(value) ? new URL(value) : undefined
  if (!url) throw refuse(`"${value}" is not an http or https address`)
  // The value may contain a password, so it is not repeated.
  if (url.username || url.password) throw refuse('an address with a user name is not one for buyers')
  if (url.pathname !== '/' || /[?#]/.test(value)) {
    throw refuse(`"${value}" has a path or a query: the shop needs an address of its own, with nothing behind the host`)
  }
  if (['0.0.0.0', '[::]'].includes(url.hostname) || url.port === '0' || url.hostname.includes('*')) {
    throw refuse(`"${value}" is not an address that a buyer's browser can open`)
  }
  return url.origin
}

/** Hosts that always mean this machine. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * Whether orders, keys and answers about money may go to an address: https without a query. Plain http could be read and
 * changed on the way, so it is accepted only for this machine.
 */
export function isSafeAddress(value: string): boolean {
  const url = /^https?:\/\/[^\s]+$/i.test(value) && URL.canParse(value) ? new URL(value) : undefined
  if (!url || url.search || url.hash || url.username) return false
  return url.protocol === 'https:' || LOOPBACK.test(url.hostname)
}

function databaseAddress(environment: Environment): string | undefined {
  const value = environment['DATABASE_URL']?.trim()
  if (!value) return undefined
  if (!/^postgres(ql)?:\/\//.test(value)) {
    // The value may contain a password, so it is not repeated.
    throw new SettingError(
      'DATABASE_URL',
      'is not a PostgreSQL address',
      'postgres://shop:secret@db.internal:5432/shop',
    )
  }
  return value
}

function authSecret(environment: Environment, production: boolean): string | undefined {
  const value = textOrFile(environment, 'AUTH_SECRET')?.trim()
  const example = '"$(openssl rand -base64 32)"'
  if (value !== undefined && value.length < 32) {
    throw new SettingError('AUTH_SECRET', 'is shorter than 32 characters', example)
  }
  if (value === undefined && production) {
    throw new SettingError('AUTH_SECRET', 'is missing, and none is made up in production', example)
  }
  return value
}
