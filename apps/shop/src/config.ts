/** Every setting of the shop, read once from the environment and `.env`, checked, and passed on as a typed value. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** A setting that is wrong: its message is the one line that the operator sees. */
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
  readonly host: string
  readonly port: number
  /** Where buyers and gateways reach the shop, without a trailing slash. */
  readonly publicUrl: string
  readonly dataDir: string
  /** Undefined: the embedded server under the data folder. */
  readonly databaseUrl: string | undefined
  readonly workers: number
  readonly sandbox: { readonly enabled: boolean; readonly port: number }
  readonly demo: boolean
  /** Undefined: made on first start and kept under the data folder. */
  readonly authSecret: string | undefined
  readonly orderTtlMinutes: number
  /** How many proxies stand in front: so many entries of X-Forwarded-For are believed. */
  readonly trustedProxies: number
  readonly logLevel: string
  /** The rest of the environment, for the payment providers' own settings. */
  readonly environment: Environment
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Adds `.env` below `directory` to the environment; what the environment already says wins. */
export function loadEnvironment(directory: string, environment: NodeJS.ProcessEnv = process.env): Environment {
  const file = resolve(directory, '.env')
  if (existsSync(file)) {
    const before = { ...environment }
    process.loadEnvFile(file)
    Object.assign(environment, before)
  }
  return environment
}

/** Reads and checks every setting. @throws SettingError naming the first bad one. */
export function readConfig(environment: Environment): Config {
  const production = environment['NODE_ENV'] === 'production'
  const { host, dataDir, ...place } = readSandboxPlace(environment)
  const port = integer(environment, 'PORT', 8000, 0, 65535)
  const publicUrl = address(environment, 'PUBLIC_URL', addressOf(host, port))
  const sandbox = { enabled: flag(environment, 'SANDBOX', !production), port: place.port }
  if (sandbox.enabled && sandbox.port !== 0 && sandbox.port === port) {
    throw new SettingError('SANDBOX_PORT', `${port} is the shop's own port (PORT)`, String(port + 100))
  }
  return {
    production,
    host,
    port,
    publicUrl,
    dataDir,
    databaseUrl: databaseAddress(environment),
    workers: integer(environment, 'WORKERS', availableParallelism(), 1, 256),
    sandbox,
    demo: flag(environment, 'DEMO', !production),
    authSecret: authSecret(environment, production),
    orderTtlMinutes: integer(environment, 'ORDER_TTL_MINUTES', 30, 2, LONGEST_ORDER_MINUTES, LONGEST_ORDER_WHY),
    trustedProxies: integer(environment, 'TRUST_PROXY', 0, 0, 10),
    logLevel: oneOf(environment, 'LOG_LEVEL', production ? 'info' : 'warn', LOG_LEVELS),
    environment,
  }
}

/** Where the sandbox stands: all that it needs of the settings when it runs alone. @throws SettingError */
export const readSandboxPlace = (environment: Environment) => ({
  host: hostName(environment),
  port: integer(environment, 'SANDBOX_PORT', 8100, 0, 65535),
  dataDir: dataFolder(environment),
})

/** Where this machine reaches what listens at `host`: nobody connects to "every address". */
export function addressOf(host: string, port: number): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${isIP(reached) === 6 ? `[${reached}]` : reached}:${port}`
}

export const sandboxAddress = ({ host, sandbox }: Pick<Config, 'host' | 'sandbox'>): string =>
  addressOf(host, sandbox.port)

/** A setting given as text in `NAME` or as a file in `NAME_FILE`. @throws SettingError when the file can't be read. */
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

function hostName(environment: Environment): string {
  const value = text(environment, 'HOST', '127.0.0.1').replace(/^\[(.*)\]$/, '$1')
  if (isIP(value) || /^[A-Za-z0-9]([\w.-]*\w)?$/.test(value)) return value
  throw new SettingError('HOST', `"${value}" is neither an IP address nor the name of a machine`, '127.0.0.1')
}

/** It is made when it is first needed; what stands in its place or on its way is no folder, and never will be. */
function dataFolder(environment: Environment): string {
  const folder = resolve(text(environment, 'DATA_DIR', './data'))
  let there = folder
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there)
  if (statSync(there).isDirectory()) return folder
  throw new SettingError('DATA_DIR', `${there} is a file, not a folder`, './data')
}

/** Less than the seven days of the method that allows least: it counts from when it is asked, by its own clock. */
const LONGEST_ORDER_MINUTES = 7 * 24 * 60 - 10
const LONGEST_ORDER_WHY = ': seven days less ten minutes is the most that every payment method allows'

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

/** An http(s) address without query or trailing slash. */
export function address(environment: Environment, name: string, fallback: string): string {
  const value = text(environment, name, fallback)
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search || url.hash || url.username) {
    throw new SettingError(name, `"${value}" is not an http or https address`, fallback)
  }
  return value.replace(/\/+$/, '')
}

function databaseAddress(environment: Environment): string | undefined {
  const value = environment['DATABASE_URL']?.trim()
  if (!value) return undefined
  if (!/^postgres(ql)?:\/\//.test(value)) {
    // The value may hold a password, so it is not repeated.
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
