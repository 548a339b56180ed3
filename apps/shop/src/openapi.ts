/** Prints the OpenAPI document of a shop with every provider, without a database: the pages' client is made from it. */
import { readConfig } from './config.ts'
import { createLog } from './log.ts'
import { sampleSettings } from './payments/providers/sample-settings.ts'
import { createServer } from './server.ts'
import { openShop } from './shop.ts'

const NOWHERE = 'postgres://nobody:nothing@127.0.0.1:1/none'
const config = readConfig({
  DATABASE_URL: NOWHERE,
  AUTH_SECRET: 'only to print a document, never to sign a token',
  ...sampleSettings(),
})
const log = createLog('silent', 'openapi')
const app = await createServer(openShop(config, NOWHERE, log))
await app.ready()
// A pipe takes no more than it has room for at once: the end waits until all of it is through.
process.stdout.write(`${JSON.stringify(app.swagger(), undefined, 2)}\n`, () => process.exit(0))
