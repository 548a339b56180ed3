/** Which member of the staff is at the desk, and what they may do. The server enforces it; here it only decides what is shown. */
import { useQueryCache } from '@pinia/colada'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { ApiProblem, answer, api, onLoginLost, type User } from '../src/api/client.ts'
import { loginTrace } from '../src/login-trace.ts'

/** `buyer`: logged in, but not as staff; `due`: as staff, who must choose a password of their own first. */
export type Standing = 'unknown' | 'nobody' | 'buyer' | 'due' | 'staff'

export const useDesk = defineStore('desk', () => {
  const cache = useQueryCache()
  const standing = shallowRef<Standing>('unknown')
  const user = shallowRef<User>()
  const rights = shallowRef<ReadonlySet<string>>(new Set())
  let asking: Promise<Standing> | undefined

  const may = (right: string): boolean => rights.value.has(right)
  const isIn = computed(() => standing.value === 'staff')

  function forget(now: Standing): Standing {
    standing.value = now
    user.value = undefined
    rights.value = new Set()
    for (const entry of cache.getEntries()) cache.remove(entry)
    return now
  }

  /** Asks the server once. @throws ApiProblem when it gives no answer */
  async function ask(): Promise<Standing> {
    if (standing.value !== 'unknown') return standing.value
    asking ??= answer(api.GET('/api/admin/me')).then(
      (found) => {
        user.value = found.user
        rights.value = new Set(found.rights)
        standing.value = 'staff'
        loginTrace.leave() // the shop's own pages are one login with these
        return standing.value
      },
      (error: unknown) => {
        if (!(error instanceof ApiProblem) || (error.status !== 401 && error.status !== 403)) throw error
        if (error.code === 'PASSWORD_DUE') return forget('due')
        return forget(error.status === 401 ? 'nobody' : 'buyer')
      },
    )
    try {
      return await asking
    } finally {
      asking = undefined
    }
  }

  async function login(credentials: { username: string; password: string; code?: string }): Promise<Standing> {
    await answer(api.POST('/api/session', { body: credentials }))
    return askAgain()
  }

  /** Asks again: something about this person has changed. */
  function askAgain(): Promise<Standing> {
    forget('unknown')
    return ask()
  }

  async function logout(): Promise<void> {
    await answer(api.DELETE('/api/session'))
    loginTrace.wipe()
    forget('nobody')
  }

  onLoginLost(() => {
    if (isIn.value) forget('nobody')
  })

  return { standing, user, isIn, may, ask, askAgain, login, logout }
})
