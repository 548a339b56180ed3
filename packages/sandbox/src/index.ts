/** `@xuecheng/sandbox`: an Alipay gateway that runs offline, for tests to start and stop. */
import { serve } from './server.ts'

export { type CheckOptions, type CheckReport, type CheckResult, checkShop } from './check/check-shop.ts'
export { runCheckCommand } from './check/command.ts'
export { type HttpRecipe, orderByCommand, orderByHttp, paidByCommand, paidByHttp, type Recipe } from './check/recipe.ts'

export interface StartOptions {
  /** Any free port where absent. */
  readonly port?: number
  /** 127.0.0.1 where absent. */
  readonly host?: string
  /** Folder that keeps the state. */
  readonly data: string
  /** How long a shop may take to answer a notification, in milliseconds; 10 seconds where absent. */
  readonly notifyTimeout?: number
}

export interface Started {
  /** e.g. `http://127.0.0.1:8100`; the gateway is `/gateway.do` under it. */
  readonly url: string
  /** Stops it; the state stays in its folder. */
  close(): Promise<void>
}

/** Starts a sandbox in this process. Rejects where its folder is in use or its port is taken. */
export function startSandbox(options: StartOptions): Promise<Started> {
  return serve({ port: 0, host: '127.0.0.1', ...options })
}
