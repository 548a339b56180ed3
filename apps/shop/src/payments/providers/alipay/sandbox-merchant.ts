/** Makes the shop a merchant of its own sandbox: creates its keys on the first start, and registers on every start. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { readPublicKey } from '@xuecheng/alipay'
import { type Config, sandboxAddress } from '../../../config.ts'
import { keepSecret } from '../../../secrets.ts'
import { SANDBOX_MERCHANT, sandboxKeyFile } from './settings.ts'

/** @throws Error if the sandbox does not accept the merchant */
export async function registerAlipayMerchant(config: Config): Promise<void> {
  const privateKey = keepSecret(sandboxKeyFile(config, 'app_private_key'), newPrivateKey)
  const publicKey = createPublicKey(privateKey)
  writeFileSync(sandboxKeyFile(config, 'app_public_key'), publicKey.export({ type: 'spki', format: 'pem' }))
  const base = sandboxAddress(config)
  const response = await fetch(`${base}/sandbox/api/merchants/${SANDBOX_MERCHANT.appId}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: '学城 Xuecheng',
      sellerId: SANDBOX_MERCHANT.sellerId,
      appPublicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    }),
    signal: AbortSignal.timeout(10_000),
  })
  const merchant: unknown = await response.json().catch(() => undefined)
  if (!response.ok || !hasKey(merchant))
    throw new Error(`The sandbox at ${base} did not take the shop as its merchant.`)
  const alipayKey = readPublicKey(merchant.alipayPublicKey)
  writeFileSync(sandboxKeyFile(config, 'alipay_public_key'), alipayKey.export({ type: 'spki', format: 'pem' }))
}

const hasKey = (value: unknown): value is { alipayPublicKey: string } =>
  typeof value === 'object' && value !== null && 'alipayPublicKey' in value && typeof value.alipayPublicKey === 'string'

function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
