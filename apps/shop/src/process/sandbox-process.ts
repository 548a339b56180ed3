/**
 * The sandbox as a child process, without any of the shop's environment. It ends when the channel to its parent closes.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SandboxPlace } from '../config.ts'
import { plainEnvironment } from './child-environment.ts'

const ENTRY = join(fileURLToPath(import.meta.resolve('@xuecheng/sandbox')), '../main.ts')

/** @param further arguments after those for the address; a repeated option overrides the earlier one */
export function forkSandbox(
  { host, port, allowedHosts, dataDir }: SandboxPlace & { readonly dataDir: string },
  further: readonly string[] = [],
  execArgv: string[] = process.execArgv,
): ChildProcess {
  const names = allowedHosts.flatMap((name) => ['--allow-host', name])
  const place = ['--port', String(port), '--host', host, ...names, '--data', join(dataDir, 'sandbox')]
  return fork(ENTRY, [...place, ...further], { env: plainEnvironment(), execArgv })
}
