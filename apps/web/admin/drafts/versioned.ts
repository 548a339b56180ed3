/**
 * A form over data that others may change meanwhile. A save carries the version that the form was filled from, even if
 * a newer one has been loaded since; a form with unsaved input is never refilled automatically.
 */
import { computed, reactive, shallowRef, watch } from 'vue'

interface Stored {
  readonly version: number
}

/** A field that both users changed, or only the other one. */
export interface Difference {
  readonly name: string
  readonly mine: unknown
  readonly theirs: unknown
  /** The default choice: theirs if the field was not changed here. */
  readonly keep: 'mine' | 'theirs'
}

/**
 * @param stored the data as last loaded
 * @param written maps the data to the form's fields
 */
export function useVersioned<Of extends Stored, Fields extends object>(
  stored: () => Of | undefined,
  written: (of: Of | undefined) => Fields,
) {
  const fields = reactive(written(stored())) as Fields
  /** The version and values that the form was filled from. */
  const base = shallowRef({ version: stored()?.version ?? 0, fields: written(stored()) })
  const theirs = shallowRef<Of>()
  const dirty = computed(() => !same(fields, base.value.fields))

  function fill(of: Of | undefined): void {
    Object.assign(fields, written(of))
    base.value = { version: of?.version ?? 0, fields: written(of) }
  }
  /** Adopts the version if it differs in no field of this form. */
  function follow(of: Of): boolean {
    if (!same(written(of), base.value.fields)) return false
    base.value = { ...base.value, version: of.version }
    return true
  }
  watch(
    stored,
    (now) => {
      if (now && !dirty.value) fill(now)
      else if (now) follow(now)
    },
    { immediate: true },
  )

  const differences = computed(() =>
    theirs.value ? differencesOf(fields, base.value.fields, written(theirs.value)) : [],
  )

  return {
    fields,
    dirty,
    differences,
    theirs,
    /** The version to send. */
    version: () => base.value.version,
    filledFrom: () => base.value.fields,
    fill,
    /** Continues input that was based on another version, so that saving it compares with that version. */
    resume(version: number, from: Partial<Fields>): void {
      base.value = { version, fields: { ...base.value.fields, ...from } }
    },
    /**
     * Handles a version conflict; `now` is what is stored.
     * @returns whether the user has to choose; otherwise the form can be sent again at once
     */
    refused(now: Of): boolean {
      if (follow(now)) return false
      theirs.value = now
      return true
    },
    /** Records what was sent as saved; input typed since then remains unsaved. */
    saved(now: Of, sent: Fields): void {
      base.value = { version: now.version, fields: sent }
      if (!dirty.value) fill(now)
    },
    /** Takes the named fields from the other version, which the form is then based on. */
    merge(names: readonly string[]): void {
      const other = theirs.value
      if (!other) return
      const now = written(other)
      for (const name of namesOf(now)) if (names.includes(name)) fields[name] = now[name]
      base.value = { version: other.version, fields: now }
      theirs.value = undefined
    },
  }
}

/** @param base the values that the form was filled from */
function differencesOf<Fields extends object>(mine: Fields, base: Fields, theirs: Fields): Difference[] {
  return namesOf(theirs)
    .filter((name) => !same(mine[name], theirs[name]))
    .map((name) => ({
      name,
      mine: mine[name],
      theirs: theirs[name],
      keep: same(mine[name], base[name]) ? 'theirs' : 'mine',
    }))
}

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right)

const namesOf = <Fields extends object>(fields: Fields) => Object.keys(fields) as (keyof Fields & string)[]

/** A copy of the fields, to compare with later. */
export const copyOf = <Fields extends object>(fields: Fields): Fields => JSON.parse(JSON.stringify(fields)) as Fields
