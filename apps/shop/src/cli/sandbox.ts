/** `xuecheng sandbox`: the payment sandbox alone, and its conformance kit for any shop. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCheckCommand } from '@xuecheng/sandbox'
import type { PassedOn } from '../command.ts'
import { addressOf, readSandboxPlace } from '../config.ts'

const ENTRY = join(fileURLToPath(import.meta.resolve('@xuecheng/sandbox')), '../main.ts')

export const sandboxAlone: PassedOn = {
  usage: '[--port 8100] [--host 127.0.0.1] [--data DIR]',
  summary: 'The sandbox alone, for any other program to use',
  passOn(args, environment) {
    const { host, port, dataDir } = readSandboxPlace(environment)
    // Where the shop would have it; of an option that stands twice, the later one counts.
    const place = ['--port', String(port), '--host', host, '--data', join(dataDir, 'sandbox')]
    const child = spawn(process.execPath, [...process.execArgv, ENTRY, ...place, ...args], { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
    return new Promise((done) => child.once('exit', (code) => done(code ?? 1)))
  },
}

export const sandboxCheck: PassedOn = {
  usage: 'NOTIFY_URL [options]',
  summary: "Drives any shop's notify address through the go-live checklist; --help says how",
  passOn(args, environment) {
    const { host, port } = readSandboxPlace(environment)
    return runCheckCommand(['--sandbox', addressOf(host, port), ...args])
  },
}
