/**
 * Keeps unsaved input and offers to restore it after a reload, a crash, or an expired session. Only for forms without
 * secrets. Saving or logging out deletes the draft.
 */
import { onBeforeUnmount, onMounted, type Ref, shallowRef, watch } from 'vue'
import { useRoute } from 'vue-router'
import { useStaffSession } from '../session.ts'
import { type Draft, dropDraft, keyOf, readDraft, writeDraft } from './drafts.ts'

interface DraftForm<Fields> {
  readonly fields: Fields
  readonly dirty: Readonly<Ref<boolean>>
  /** The version that the form was filled from (`versioned.ts`). */
  readonly version: () => number
  readonly filledFrom: () => Fields
  readonly resume: (version: number, filledFrom: Partial<Fields>) => void
}

const EVERY_MS = 600

/**
 * Keeps a form's input until it is saved. A draft restored over a newer version still counts as based on its old
 * version: saving it shows both, so that another user's changes are not overwritten unnoticed.
 * @param form only its existing fields are restored, and only values of the field's type
 * @param ready whether the data that a draft would change has been loaded
 */
export function keepDraft<Fields extends Record<string, unknown>>(
  { fields, dirty, version, filledFrom, resume }: DraftForm<Fields>,
  ready: () => boolean,
): { offered: Readonly<Ref<Draft | undefined>>; isOlder: () => boolean; restore: () => void; discard: () => void } {
  const session = useStaffSession()
  const userId = session.user?.id ?? 0
  const key = keyOf(userId, useRoute().path)
  const offered = shallowRef<Draft>()

  let waiting: ReturnType<typeof setTimeout> | undefined
  const now = () => {
    clearTimeout(waiting)
    waiting = undefined
    if (dirty.value) writeDraft(key, { at: Date.now(), version: version(), from: filledFrom(), fields })
  }
  const soon = () => {
    waiting ??= setTimeout(now, EVERY_MS)
  }
  watch(
    () => JSON.stringify(fields),
    () => {
      if (dirty.value) soon()
    },
  )
  watch(dirty, (is, was) => {
    if (was && !is) {
      clearTimeout(waiting)
      waiting = undefined
      dropDraft(key)
    }
  })
  // Look for an earlier draft once the data that it would change has been loaded.
  watch(
    ready,
    (is) => {
      if (!is || offered.value || dirty.value) return
      const found = readDraft(key, Date.now())
      if (found && differs(found.fields, fields)) offered.value = found
    },
    { immediate: true },
  )
  const leave = () => {
    if (waiting !== undefined) now()
  }
  onMounted(() => addEventListener('pagehide', leave))
  onBeforeUnmount(() => {
    removeEventListener('pagehide', leave)
    // Leaving the page deliberately discards the draft; an expired session keeps it.
    if (session.isIn && !offered.value) {
      clearTimeout(waiting)
      dropDraft(key)
    } else leave()
  })

  return {
    offered,
    isOlder: () => offered.value !== undefined && offered.value.version !== version(),
    restore() {
      if (!offered.value) return
      if (offered.value.version !== version()) resume(offered.value.version, fitting(offered.value.from, fields))
      Object.assign(fields, fitting(offered.value.fields, fields))
      offered.value = undefined
    },
    discard() {
      offered.value = undefined
      dropDraft(key)
    },
  }
}

const isText = (value: unknown) => value === null || typeof value === 'string'
const fits = (now: unknown, kept: unknown): boolean =>
  now !== undefined && (typeof now === typeof kept || (isText(now) && isText(kept)))

/** The draft's values for fields that the form still has. */
const fitting = <Fields extends Record<string, unknown>>(kept: Readonly<Record<string, unknown>>, now: Fields) =>
  Object.fromEntries(Object.entries(kept).filter(([name, value]) => fits(now[name], value))) as Partial<Fields>

const differs = (kept: Readonly<Record<string, unknown>>, now: Readonly<Record<string, unknown>>): boolean =>
  Object.entries(kept).some(
    ([name, value]) => fits(now[name], value) && JSON.stringify(now[name]) !== JSON.stringify(value),
  )
