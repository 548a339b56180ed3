/** The string to be signed (Alipay, "Signing: the string to be signed"). */

/** Parameters by name, values decoded. */
export type Parameters = ReadonlyMap<string, string>

/** Sorted by name (ASCII), joined as `name=value` with `&`, values decoded; empty values are left out. */
export function canonicalString(parameters: Parameters, without: readonly string[]): string {
  const names: string[] = []
  for (const [name, value] of parameters) if (value !== '' && !without.includes(name)) names.push(name)
  names.sort()
  let joined = ''
  for (const name of names) joined += `${joined === '' ? '' : '&'}${name}=${parameters.get(name)}`
  return joined
}
