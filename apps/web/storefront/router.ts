/** Goes from page to page: the login detour, where the page is scrolled to, and where the focus stands afterwards. */
import { nextTick, shallowRef } from 'vue'
import { createRouter, createWebHistory, type RouteLocationNormalized, type Router } from 'vue-router'
import { announce } from '../src/announce.ts'
import { goesAlong } from './as-buyer.ts'
import { routes } from './routes.ts'
import { useSession } from './session.ts'

/** Why the page asked for could not be opened at all: its code did not load, or nobody answered who we are. */
export const failure = shallowRef<{ to: string; error: unknown } | undefined>()

export function openRouter(): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes,
    scrollBehavior(to, from, saved) {
      if (saved) return saved
      if (to.hash) return { el: to.hash, top: 80 }
      return to.path === from.path ? false : { top: 0 }
    },
  })
  router.beforeEach(async (to, from) => {
    failure.value = undefined
    if (goesAlong(to, from)) return { ...to, query: { ...to.query, as: 'buyer' } }
    const session = useSession()
    if (to.meta.login && !(await session.ask())) return loginDetour(to)
    return session.user?.passwordDue && to.name !== 'password' ? passwordDetour(to) : true
  })
  router.afterEach((to, from, stopped) => {
    if (stopped || from.matched.length === 0 || to.path === from.path) return
    void arrive()
  })
  router.onError((error: unknown, to: RouteLocationNormalized) => {
    failure.value = { to: to.fullPath, error }
  })
  return router
}

/** The login, remembering where it should lead back to, query and all. */
export const loginDetour = (to: { fullPath: string }) => ({ name: 'login', query: { next: to.fullPath } })

/** One's own password instead of one that somebody else made up, before anything else. */
export const passwordDetour = (to: { fullPath: string }) => ({ name: 'password', query: { next: to.fullPath } })

/** A new page begins at its top for the keyboard and for those who listen, as it does for the eye. */
async function arrive(): Promise<void> {
  await nextTick()
  document.getElementById('content')?.focus({ preventScroll: true })
  await announce(document.title)
}
