// `npm run generate`: files generated from the code: row types from a migrated database, the pages' types from the
// server's OpenAPI document, and docs/states.md from the transition tables. `--check` only reports whether they are
// current.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findCommand, findNode, root } from './find-node.mjs'

const checking = process.argv.includes('--check')
keep('apps/shop/src/db/tables.generated.ts', run('apps/shop/src/cli/print-tables.ts'))
keep('apps/web/src/api/schema.generated.ts', typesOf(run('apps/shop/src/cli/print-openapi.ts')))
keep('docs/states.md', run('apps/shop/src/cli/print-states.ts'))

function run(program) {
  return execFileSync(findNode(), ['--conditions=xuecheng:source', join(root, program)], {
    maxBuffer: 64 * 1024 * 1024,
  })
}

function typesOf(openapi) {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-openapi-'))
  try {
    const [document, types] = [join(folder, 'openapi.json'), join(folder, 'schema.ts')]
    writeFileSync(document, openapi)
    const generator = findCommand('apps/web', 'openapi-typescript', 'bin/cli.js')
    execFileSync(findNode(), [generator, document, '-o', types], { stdio: 'ignore' })
    return readFileSync(types)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function keep(path, fresh) {
  const target = join(root, path)
  if (existsSync(target) && readFileSync(target).equals(fresh)) return
  if (checking) throw new Error(`${path} is out of date. Run \`npm run generate\`.`)
  writeFileSync(target, fresh)
}
