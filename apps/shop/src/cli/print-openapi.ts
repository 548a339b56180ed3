/**
 * Prints the OpenAPI document of a shop with all providers, without a database; the pages' client is generated from it.
 */
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { hasRealMerchant } from '../payments/providers/methods.ts'
import { openShop } from '../process/shop.ts'
import { createServer } from '../process/web.ts'

const NOWHERE = 'postgres://nobody:nothing@127.0.0.1:1/none'
const environment = {
  DATABASE_URL: NOWHERE,
  AUTH_SECRET: 'only to print a document, never to sign a token',
  SANDBOX: 'off',
}
const config = readConfig(environment, hasRealMerchant)
const log = createLog('silent', 'openapi')
const app = await createServer(openShop(config, NOWHERE, log))
await app.ready()
// A pipe accepts only part of the text at once, so exit when all of it is written.
process.stdout.write(`${JSON.stringify(app.swagger(), undefined, 2)}\n`, () => process.exit(0))
