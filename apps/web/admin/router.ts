/** Navigation in the back office: the login detour, and the focus afterwards. */
import { nextTick, shallowRef } from 'vue'
import { createRouter, createWebHistory, type RouteLocationNormalized, type Router } from 'vue-router'
import { announce } from '../src/announce.ts'
import { BASE } from './navigation.ts'
import { routes } from './routes.ts'
import { type Standing, useStaffSession } from './session.ts'

/** Why a page could not be opened: its code did not load, or the server did not say who the user is. */
export const failure = shallowRef<{ to: string; error: unknown } | undefined>()

export function openRouter(): Router {
  const router = createRouter({
    history: createWebHistory(BASE),
    routes,
    scrollBehavior(to, from, saved) {
      if (saved) return saved
      return to.path === from.path ? false : { top: 0 }
    },
  })
  router.beforeEach(async (to) => {
    failure.value = undefined
    if (to.meta.open) return true
    const standing = await useStaffSession().load()
    return standing === 'staff' ? true : detour(standing, to)
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

/** The login, or the first password or second factor after it, with the full path to return to. */
export const detour = (standing: Standing, to: { fullPath: string }) => ({
  name: standing === 'due' ? 'first-password' : standing === 'factor' ? 'first-factor' : 'login',
  query: to.fullPath === '/' ? {} : { next: to.fullPath },
})

async function arrive(): Promise<void> {
  await nextTick()
  document.getElementById('content')?.focus({ preventScroll: true })
  await announce(document.title)
}
