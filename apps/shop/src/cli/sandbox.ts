/** `xuecheng sandbox`: the payment sandbox alone, and its conformance kit for any shop. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCheckCommand } from '@xuecheng/sandbox'
import type { PassedOn } from '../command.ts'

const ENTRY = join(fileURLToPath(import.meta.resolve('@xuecheng/sandbox')), '../main.ts')

export const sandboxAlone: PassedOn = {
  usage: '[--port 8100] [--host 127.0.0.1] [--data DIR]',
  summary: 'The sandbox alone, for any other program to use',
  passOn(args) {
    const child = spawn(process.execPath, [...process.execArgv, ENTRY, ...args], { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
    return new Promise((done) => child.once('exit', (code) => done(code ?? 1)))
  },
}

export const sandboxCheck: PassedOn = {
  usage: 'NOTIFY_URL [options]',
  summary: "Drives any shop's notify address through the go-live checklist; --help says how",
  passOn: (args) => runCheckCommand(args),
}
