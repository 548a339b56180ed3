/** Generates key pairs in the formats that consoles and key tools use. */
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'

export interface GeneratedKeys {
  /** PEM, in the requested format. */
  readonly privateKey: string
  /** PEM (SPKI). */
  readonly publicKey: string
  /** Bare base64 of the public key, as Alipay's console accepts it. */
  readonly publicKeyBase64: string
}

const generate = promisify(generateKeyPair)

/** Makes an RSA-2048 pair on the thread pool. Alipay's key tool produces `pkcs8`; older SDKs need `pkcs1`. */
export async function generateKeys(options: { readonly format?: 'pkcs1' | 'pkcs8' } = {}): Promise<GeneratedKeys> {
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: 2048 })
  return {
    privateKey: privateKey.export({ type: options.format ?? 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    publicKeyBase64: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  }
}
