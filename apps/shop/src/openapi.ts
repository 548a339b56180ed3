/** Prints the OpenAPI document of a shop with every provider, without a database: the pages' client is made from it. */
import { generateKeyPairSync } from 'node:crypto'
import { readConfig } from './config.ts'
import { createLog } from './log.ts'
import { createServer } from './server.ts'
import { openShop } from './shop.ts'

const NOWHERE = 'postgres://nobody:nothing@127.0.0.1:1/none'
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const config = readConfig({
  DATABASE_URL: NOWHERE,
  AUTH_SECRET: 'only to print a document, never to sign a token',
  ALIPAY_APP_ID: '2021000000000000',
  ALIPAY_SELLER_ID: '2088000000000000',
  ALIPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ALIPAY_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
})
const log = createLog('silent', 'openapi')
const app = await createServer(openShop(config, NOWHERE, log), NOWHERE)
await app.ready()
process.stdout.write(`${JSON.stringify(app.swagger(), undefined, 2)}\n`)
process.exit(0)
