/** `xuecheng sandbox`: the payment sandbox alone, and its conformance kit for any shop. */
import { runCheckCommand } from '@xuecheng/sandbox'
import type { PassedOn } from '../command.ts'
import { addressOf, readSandboxPlace } from '../config.ts'
import { forkSandbox } from '../process/sandbox-process.ts'

export const sandboxAlone: PassedOn = {
  usage: '[--port 8100] [--host 127.0.0.1] [--allow-host NAME …] [--data DIR]',
  summary: 'The payment sandbox alone, for other programs',
  passOn(args, environment) {
    const child = forkSandbox(readSandboxPlace(environment), args)
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
