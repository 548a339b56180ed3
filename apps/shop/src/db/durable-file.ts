/** Writes a file completely and durably or not at all, even if the machine loses power a moment later. */
import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { platform } from 'node:os'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'

/**
 * Writes to a temporary name, flushes the file, renames it, and flushes the folder that holds the name.
 * @param streams the source and the transforms that it passes through
 */
export async function writeDurably(
  file: string,
  streams: readonly (NodeJS.ReadableStream | NodeJS.ReadWriteStream)[],
): Promise<void> {
  const partial = `${file}.partial`
  rmSync(partial, { force: true }) // left by a killed run; an existing file is never written to
  try {
    const disk = createWriteStream(partial, { mode: 0o600, flags: 'wx', flush: true })
    await pipeline([...streams, disk])
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
  renameSync(partial, file)
  await flushFolder(dirname(file))
}

/** Windows cannot open a folder, and makes names durable by itself. */
async function flushFolder(folder: string): Promise<void> {
  if (platform() === 'win32') return
  const opened = await open(folder, 'r')
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}
