/** Makes the shop a merchant of its own sandbox: creates its keys on the first start, and registers on every start. */
import { createPublicKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { readPublicKey } from '@xuecheng/alipay'
import type { Config } from '../../../config.ts'
import { keepSecret } from '../../../secrets.ts'
import { newPrivateKey, registerMerchant } from '../sandbox-merchant.ts'
import { SANDBOX_MERCHANT, sandboxKeyFile } from './settings.ts'

/** @throws Error if the sandbox does not accept the merchant */
export async function registerAlipayMerchant(config: Config): Promise<void> {
  const privateKey = keepSecret(sandboxKeyFile(config, 'app_private_key'), newPrivateKey)
  const publicKey = createPublicKey(privateKey)
  writeFileSync(sandboxKeyFile(config, 'app_public_key'), publicKey.export({ type: 'spki', format: 'pem' }))
  const { appId, sellerId } = SANDBOX_MERCHANT
  const appPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const given = { sellerId, appPublicKey }
  const merchant = await registerMerchant(config, `merchants/${appId}`, given, ['alipayPublicKey'])
  const alipayKey = readPublicKey(merchant.alipayPublicKey)
  writeFileSync(sandboxKeyFile(config, 'alipay_public_key'), alipayKey.export({ type: 'spki', format: 'pem' }))
}
