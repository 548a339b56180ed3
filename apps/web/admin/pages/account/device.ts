/** Browser and operating system of a user agent, in the names that users know. */

import { tAdmin } from '../../words.ts'

/** The more specific names first: most browsers also claim to be others. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/MicroMessenger\//, 'WeChat'],
  [/Edg(?:A|iOS)?\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/Chrome\/|CriOS\//, 'Chrome'],
  [/Version\/.*Safari\//, 'Safari'],
]
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/OpenHarmony|HarmonyOS/, 'HarmonyOS'],
  [/Windows/, 'Windows'],
  [/Macintosh/, 'macOS'],
  [/Linux/, 'Linux'],
]

const first = (of: string, names: readonly (readonly [RegExp, string])[]) =>
  names.find(([pattern]) => pattern.test(of))?.[1]

/** `Chrome · Windows`; for a program, the first word of its user agent; empty if there is none. */
export function deviceOf(userAgent: string): string {
  const known = [first(userAgent, BROWSERS), first(userAgent, SYSTEMS)].filter((name) => name !== undefined)
  return known.length > 0 ? known.join(' · ') : (userAgent.split(' ')[0] ?? '').slice(0, 40)
}

export const deviceName = (userAgent: string): string => deviceOf(userAgent) || tAdmin('sessions.unknown')
