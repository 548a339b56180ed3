/** Keys for tests, generated on demand. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'

export const newPair = (bits = 2048): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } =>
  generateKeyPairSync('rsa', { modulusLength: bits })
