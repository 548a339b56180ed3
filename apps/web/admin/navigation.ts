/** The base path of the back office, and the entries of its navigation. */
import type { RouteRecordRaw } from 'vue-router'

export const BASE = '/admin'

/** The groups of the navigation, in order. */
const GROUPS = ['trade', 'money', 'system'] as const
export type Group = (typeof GROUPS)[number]

/** The navigation's pages for a user with these permissions, by group; empty groups are left out. */
export function navigationOf(routes: readonly RouteRecordRaw[], may: (right: string) => boolean) {
  return GROUPS.map((group) => ({
    group,
    names: routes
      .filter(({ meta }) => meta?.group === group && (meta.right === undefined || may(meta.right)))
      .map(({ name }) => String(name)),
  })).filter(({ names }) => names.length > 0)
}
