/** Makes the shop a merchant of its own sandbox: what this takes of every gateway. */
import { generateKeyPairSync } from 'node:crypto'
import { type Config, sandboxAddress } from '../../config.ts'

/**
 * @param path of the merchant in the sandbox's API
 * @returns the sandbox's answer
 * @throws Error if the sandbox does not accept the merchant, or its answer lacks one of the texts in `expected`
 */
export async function registerMerchant<Name extends string>(
  config: Config,
  path: string,
  merchant: Readonly<Record<string, unknown>>,
  expected: readonly Name[],
): Promise<Readonly<Record<Name, string>>> {
  const base = sandboxAddress(config)
  const response = await fetch(`${base}/sandbox/api/${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: '学城 Xuecheng', ...merchant }),
    signal: AbortSignal.timeout(10_000),
  })
  const made: unknown = await response.json().catch(() => undefined)
  if (!response.ok || !hasTexts(made, expected))
    throw new Error(`The sandbox at ${base} did not take the shop as its merchant (${path}).`)
  return made
}

const hasTexts = <Name extends string>(made: unknown, names: readonly Name[]): made is Record<Name, string> =>
  typeof made === 'object' && made !== null && names.every((name) => typeof Reflect.get(made, name) === 'string')

export function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
