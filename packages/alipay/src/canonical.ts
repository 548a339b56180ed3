/** The string that is signed (Alipay, "Signing: the string to be signed"). */

/** Parameters by name, values decoded. */
export type Parameters = ReadonlyMap<string, string>

/** Sorted by name (ASCII), joined as `name=value` with `&`, decoded values; empty values take no part. */
export function canonicalString(parameters: Parameters, without: readonly string[]): string {
  return [...parameters]
    .filter(([name, value]) => value !== '' && !without.includes(name))
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}
