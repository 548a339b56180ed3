/** Filters kept in the address, so that a view can be sent to a colleague and the back button undoes a filter. */
import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export function useFilters<Name extends string>(names: readonly Name[]) {
  const route = useRoute()
  const router = useRouter()
  const filters = computed(
    () =>
      Object.fromEntries(
        names.map((name) => {
          const value = route.query[name]
          return [name, typeof value === 'string' ? value : '']
        }),
      ) as Record<Name, string>,
  )
  const isFiltered = computed(() => names.some((name) => filters.value[name] !== ''))

  /** Writes the filters to the address; an empty one is removed. */
  function filter(changes: Partial<Record<Name, string>>): void {
    const wanted = { ...filters.value, ...changes }
    const query = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== ''))
    void router.push({ query: query as Record<string, string> })
  }

  const clear = () => router.push({ query: {} })

  return { filters, isFiltered, filter, clear }
}

/** A value from the address, if it is one of the choices. */
export const oneOf = <Choice extends string>(choices: readonly Choice[], value: string): Choice | undefined =>
  choices.find((choice) => choice === value)

/** A date of the form `2026-11-23`, otherwise undefined. */
export const asDay = (value: string): string | undefined => (/^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined)

/** The fields that have a value: undefined ones are not sent. */
export const stated = <Fields extends object>(
  fields: Fields,
): { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')) as never
