// `npm run generate`: what is made from the code: the pages' types from the server's own OpenAPI document, and docs/states.md
// from the tables of states. `--check` only says whether they are current.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findCommand, findNode, root } from './find-node.mjs'

const checking = process.argv.includes('--check')
keep('apps/web/src/api/schema.generated.ts', typesOf(run('apps/shop/src/openapi.ts')))
keep('docs/states.md', run('apps/shop/src/states-page.ts'))

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
  if (checking) throw new Error(`${path} is not what the code says. Run \`npm run generate\`.`)
  writeFileSync(target, fresh)
}
