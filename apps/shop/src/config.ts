/** Every setting of the shop, read once from the environment and `.env`, checked, and passed on as a typed value. */
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** A setting that is wrong: its message is the one line that the operator sees. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
  readonly setting: string

  constructor(setting: string, problem: string, example: string) {
    super(`${setting}: ${problem}. Example: ${setting}=${example}`)
    this.setting = setting
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
  const host = text(environment, 'HOST', '127.0.0.1')
  const port = integer(environment, 'PORT', 8000, 0, 65535)
  const publicUrl = address(environment, 'PUBLIC_URL', `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`)
  return {
    production,
    host,
    port,
    publicUrl,
    dataDir: resolve(text(environment, 'DATA_DIR', './data')),
    databaseUrl: databaseAddress(environment),
    workers: integer(environment, 'WORKERS', availableParallelism(), 1, 256),
    sandbox: {
      enabled: flag(environment, 'SANDBOX', !production),
      port: integer(environment, 'SANDBOX_PORT', 8100, 0, 65535),
    },
    demo: flag(environment, 'DEMO', !production),
    authSecret: authSecret(environment, production),
    orderTtlMinutes: integer(environment, 'ORDER_TTL_MINUTES', 30, 2, LONGEST_ORDER_MINUTES, LONGEST_ORDER_WHY),
    trustedProxies: integer(environment, 'TRUST_PROXY', 0, 0, 10),
    logLevel: oneOf(environment, 'LOG_LEVEL', production ? 'info' : 'warn', LOG_LEVELS),
    environment,
  }
}

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

function flag(environment: Environment, name: string, fallback: boolean): boolean {
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
