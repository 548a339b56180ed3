/**
 * Makes the shop a WeChat Pay merchant of its own sandbox: creates its keys on the first start, and registers on every
 * start.
 */
import { createPublicKey, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { Config } from '../../../config.ts'
import { keepSecret } from '../../../secrets.ts'
import { newPrivateKey, registerMerchant } from '../sandbox-merchant.ts'
import { SANDBOX_MERCHANT, SANDBOX_SERIAL, sandboxFile } from './settings.ts'

/** @throws Error if the sandbox does not accept the merchant */
export async function registerWechatMerchant(config: Config): Promise<void> {
  const privateKey = keepSecret(sandboxFile(config, 'merchant_private_key.pem'), newPrivateKey)
  const apiV3Key = keepSecret(sandboxFile(config, 'api_v3_key'), () => randomBytes(16).toString('hex')).trim()
  const { mchId, appId } = SANDBOX_MERCHANT
  const given = {
    appId,
    serialNo: SANDBOX_SERIAL,
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64'),
    apiV3Key,
    keyMode: 'public-key',
    // As in WeChat Pay's console: the domain where buyers reach the shop, and this machine by each of its names.
    rules: { h5Domains: [...new Set([new URL(config.publicUrl).hostname, '127.0.0.1', 'localhost', '[::1]'])] },
  }
  const merchant = await registerMerchant(config, `wechat/merchants/${mchId}`, given, ['publicKey', 'publicKeyId'])
  const key = createPublicKey({ key: Buffer.from(merchant.publicKey, 'base64'), format: 'der', type: 'spki' })
  writeFileSync(sandboxFile(config, 'wechatpay_public_key.pem'), key.export({ type: 'spki', format: 'pem' }))
  // Written last: its presence means that the set is complete.
  writeFileSync(sandboxFile(config, 'wechatpay_public_key_id'), merchant.publicKeyId)
}
