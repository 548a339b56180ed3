/** Checks that the shop may write to its data folder, so that a mount with a wrong owner is reported at the start. */
import { constants } from 'node:fs'
import { access, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** The shop cannot use its data folder; the message is the one line that the operator sees. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError'
}

/** The shop's folders in it, except the database's, which has its own checks. */
const FOLDERS = ['keys', 'uploads', 'sandbox']

/** @throws DataFolderError that names the problem, the folder or file, and the remedy */
export async function refuseUnwritableData(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 }).catch((error) => refuse(error, dataDir))
  await write(dataDir)
  for (const name of FOLDERS) {
    const folder = join(dataDir, name)
    // A missing folder is created later by the shop itself.
    if (await exists(folder)) await write(folder)
  }
  const keys = join(dataDir, 'keys')
  for (const name of await readdir(keys).catch(() => [])) {
    const file = join(keys, name)
    await access(file, constants.R_OK).catch((error) => refuse(error, file))
  }
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined

/** Permissions do not show everything (a read-only mount, a quota, a network file system), so write a file. */
async function write(folder: string): Promise<void> {
  const trial = join(folder, `.written-by-${process.pid}`)
  try {
    const file = await open(trial, 'w', 0o600)
    await file.close()
  } catch (error) {
    await refuse(error, folder)
  } finally {
    await rm(trial, { force: true }).catch(() => {})
  }
}

async function refuse(error: unknown, path: string): Promise<never> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  throw new DataFolderError(`DATA_DIR: ${await why(code, path)}`)
}

async function why(code: string, path: string): Promise<string> {
  if (code === 'EROFS') return `${path} is on a file system that is mounted read-only; mount a writable folder there`
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return `${path} has no space left (${code}); free some, or choose another folder`
  if (code === 'ENOTDIR') return `${path} is below a file, not a folder; choose another folder`
  if (code !== 'EACCES' && code !== 'EPERM') return `${path} cannot be used (${code})`
  const [user, group] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  const owner = await ownerOf(path)
  const owned = owner === undefined ? '' : `, which belongs to user ${owner}`
  return (
    `the shop runs as user ${user} and may not use ${path}${owned}; on the machine that holds it: ` +
    `chown -R ${user}:${group} FOLDER (FOLDER is what is mounted there; on Kubernetes fsGroup: ${group} in the pod's securityContext)`
  )
}

const ownerOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(() => undefined))?.uid
