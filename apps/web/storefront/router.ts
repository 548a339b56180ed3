/** Navigation between pages: the login detour, the scroll position, and the focus afterwards. */
import { nextTick, shallowRef } from 'vue'
import { createRouter, createWebHistory, type RouteLocationNormalized, type Router } from 'vue-router'
import { announce } from '../src/announce.ts'
import { goesAlong } from './as-buyer.ts'
import { loginDetour, passwordDetour } from './detours.ts'
import { routes } from './routes.ts'
import { useSession } from './session.ts'

/** Why a page could not be opened: its code did not load, or the server did not say who the user is. */
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

/** Moves the focus to the top of a new page, for keyboard and screen reader users. */
async function arrive(): Promise<void> {
  await nextTick()
  document.getElementById('content')?.focus({ preventScroll: true })
  await announce(document.title)
}
