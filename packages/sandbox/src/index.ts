/** `@xuecheng/sandbox`: an Alipay and WeChat Pay gateway that runs offline, for tests to start and stop. */
import { serve } from './server.ts'

export { type CheckOptions, type CheckReport, type CheckResult, checkShop } from './check/check-shop.ts'
export { runCheckCommand } from './check/command.ts'
export { type HttpRecipe, orderByCommand, orderByHttp, paidByCommand, paidByHttp, type Recipe } from './check/recipe.ts'

export interface StartOptions {
  /** Any free port by default. */
  readonly port?: number
  /** 127.0.0.1 by default. */
  readonly host?: string
  /** Names besides its own and loopback ones under which its pages and `/sandbox/api` may be called. */
  readonly allowedHosts?: readonly string[]
  /** The folder that stores the state. */
  readonly data: string
  /** How long a shop may take to answer a notification, in milliseconds; 10 seconds by default. */
  readonly notifyTimeout?: number
}

export interface Started {
  /** E.g. `http://127.0.0.1:8100`; the gateway is at `/gateway.do` below it. */
  readonly url: string
  /** Stops it; the state stays in its folder. */
  close(): Promise<void>
}

/** Starts a sandbox in this process. Rejects if its folder is in use or its port is taken. */
export function startSandbox(options: StartOptions): Promise<Started> {
  return serve({ port: 0, host: '127.0.0.1', ...options })
}
