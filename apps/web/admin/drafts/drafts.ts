/** Unsaved input, kept in this browser per account and page: the newest drafts, for some days, up to a maximum size. */

const PREFIX = 'xuecheng.draft.'
const DAYS = 7
const MAX_DRAFTS = 20
const MAX_CHARS = 300_000

export interface Draft {
  readonly at: number
  /** The version that the form was filled from, and its values. */
  readonly version: number
  readonly from: Readonly<Record<string, unknown>>
  readonly fields: Readonly<Record<string, unknown>>
}

export const keyOf = (userId: number, page: string) => `${PREFIX}${userId}.${page}`

/** Storage may be disabled or full: then no draft is kept, and no error is thrown. */
function safely<Result>(use: () => Result): Result | undefined {
  try {
    return use()
  } catch {
    return undefined
  }
}

const keys = (): string[] =>
  safely(() =>
    Array.from({ length: localStorage.length }, (_, place) => localStorage.key(place) ?? '').filter((key) =>
      key.startsWith(PREFIX),
    ),
  ) ?? []

export function readDraft(key: string, now: number): Draft | undefined {
  const found: unknown = safely(() => JSON.parse(localStorage.getItem(key) ?? 'null'))
  if (!isObject(found)) return undefined
  const { at, version, from, fields } = found
  if (typeof at !== 'number' || now - at > DAYS * 86_400_000 || typeof version !== 'number') return undefined
  return isObject(from) && isObject(fields) ? { at, version, from, fields } : undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function writeDraft(key: string, draft: Draft): void {
  const text = JSON.stringify(draft)
  if (text.length > MAX_CHARS) return
  const others = keys()
    .filter((other) => other !== key)
    .map((other) => ({ other, at: readDraft(other, draft.at)?.at ?? 0 }))
    .sort((left, right) => right.at - left.at)
  // Remove the oldest drafts, and those that have expired.
  others.forEach(({ other, at }, place) => {
    if (at === 0 || place >= MAX_DRAFTS - 1) dropDraft(other)
  })
  safely(() => localStorage.setItem(key, text))
}

export const dropDraft = (key: string): void => void safely(() => localStorage.removeItem(key))

/** At logout: does not leave this account's input to the next user of the browser. */
export function dropDraftsOf(userId: number): void {
  for (const key of keys()) if (key.startsWith(keyOf(userId, ''))) dropDraft(key)
}
