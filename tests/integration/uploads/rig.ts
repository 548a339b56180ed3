/** A shop, an editor, and files to upload. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type Connection, connect } from '../../../apps/shop/src/db/connect.ts'
import { mp4 } from '../../harness/mp4.ts'
import type { ShopApi } from '../../harness/shop-api.ts'
import { type System, startSystem } from '../../harness/system.ts'

export interface Upload {
  readonly name: string
  readonly kind: string
  readonly bytes: number
  readonly code: string
  readonly inSomeBrowsers: string[]
}

export let system: System

export let editor: ShopApi

export let folder: string

export let databaseUrl: string

export let connection: Connection

beforeAll(async () => {
  system = await startSystem()
  folder = join(system.dataDir, 'uploads')
  databaseUrl = readFileSync(join(system.dataDir, 'postgres/owner-url'), 'utf8').trim()
  connection = connect(databaseUrl, 4)
  editor = system.client()
  await editor.register('the-editor')
  await system.sql("update users set role = 'editor' where username = 'the-editor'")
})

afterAll(async () => {
  await connection?.close()
  await system?.stop()
})

const PNG = Buffer.from('89504e470d0a1a0a', 'hex')

export const picture = (size = 400) => Buffer.concat([PNG, randomBytes(size)])

export const video = () => mp4(randomBytes(3000))

export const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

export async function send(
  bytes: Buffer,
  name = 'file',
  who: ShopApi = editor,
): Promise<{ status: number; body: Upload }> {
  const body = new FormData()
  body.set('file', new Blob([new Uint8Array(bytes)], { type: 'image/png' }), name)
  const headers = { authorization: `Bearer ${who.token}` }
  const answer = await fetch(`${system.shopUrl}/api/admin/uploads`, { method: 'POST', body, headers })
  return { status: answer.status, body: (await answer.json()) as Upload }
}
