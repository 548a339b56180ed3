// `npm run generate`: the pages' types, made from the server's own OpenAPI document. `--check` only says whether they are current.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findCommand, findNode, root } from './find-node.mjs'

const TARGET = join(root, 'apps/web/src/api/schema.generated.ts')
const folder = mkdtempSync(join(tmpdir(), 'xuecheng-openapi-'))
try {
  const document = join(folder, 'openapi.json')
  const types = join(folder, 'schema.ts')
  const flags = ['--conditions=xuecheng:source', join(root, 'apps/shop/src/openapi.ts')]
  writeFileSync(document, execFileSync(findNode(), flags, { maxBuffer: 64 * 1024 * 1024 }))
  execFileSync(findNode(), [findCommand('apps/web', 'openapi-typescript', 'bin/cli.js'), document, '-o', types], {
    stdio: 'ignore',
  })
  const fresh = readFileSync(types, 'utf8')
  const current = existsSync(TARGET) && readFileSync(TARGET, 'utf8') === fresh
  if (process.argv.includes('--check')) {
    if (!current)
      throw new Error('apps/web/src/api/schema.generated.ts is not what the server says. Run `npm run generate`.')
  } else if (!current) writeFileSync(TARGET, fresh)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
