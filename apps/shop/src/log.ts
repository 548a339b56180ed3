/** The log: structured lines, with anything that could be a secret removed before they are written. */
import { type Logger, pino } from 'pino'

const SECRET_PATHS = [
  'password',
  'token',
  'sign',
  'privateKey',
  '*.password',
  '*.token',
  '*.sign',
  '*.privateKey',
  'req.headers.authorization',
  'req.headers.cookie',
]

export function createLog(level: string, role: string): Logger {
  return pino({ level, base: { role, pid: process.pid }, redact: { paths: SECRET_PATHS, censor: '[secret]' } })
}
