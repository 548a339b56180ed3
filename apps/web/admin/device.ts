/** What a browser says it is, in the two words that its owner would use. */

/** The more particular name first: most browsers claim to be the others as well. */
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

/** `Chrome · Windows`; of a program the first word of what it says; empty where it says nothing. */
export function deviceOf(userAgent: string): string {
  const known = [first(userAgent, BROWSERS), first(userAgent, SYSTEMS)].filter((name) => name !== undefined)
  return known.length > 0 ? known.join(' · ') : (userAgent.split(' ')[0] ?? '').slice(0, 40)
}
