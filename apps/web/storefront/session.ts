/** Who is using this browser. The session itself is an http-only cookie that no script can read. */
import { useQueryCache } from '@pinia/colada'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { ApiProblem, answer, api, onLoginLost, type User } from '../src/api/client.ts'
import { loginTrace } from '../src/login-trace.ts'

export const useSession = defineStore('session', () => {
  const cache = useQueryCache()
  const user = shallowRef<User | null>(null)
  const asked = shallowRef(false)
  let asking: Promise<User | null> | undefined

  const isIn = computed(() => user.value !== null)
  /** True until it is known whether somebody is logged in. */
  const pending = shallowRef(false)

  function enter(entered: User): void {
    user.value = entered
    asked.value = true
    loginTrace.leave()
  }

  function leave(): void {
    user.value = null
    asked.value = true
    loginTrace.wipe()
    for (const entry of cache.getEntries({ key: ['mine'] })) cache.remove(entry)
  }

  /** Asks the server who this is, once. @throws ApiProblem when it gives no answer */
  async function ask(): Promise<User | null> {
    if (asked.value) return user.value
    pending.value = true
    asking ??= answer(api.GET('/api/me')).then(
      (found) => {
        enter(found)
        return found
      },
      (error: unknown) => {
        if (!(error instanceof ApiProblem) || error.status !== 401) throw error
        leave()
        return null
      },
    )
    try {
      return await asking
    } finally {
      asking = undefined
      pending.value = false
    }
  }

  /** At the start of a visit: only a browser that was logged in before is worth the question. */
  function begin(): void {
    if (!loginTrace.is()) return
    ask().catch(() => {
      // No answer says nothing about the session: whatever page needs it will ask again and show the failure itself.
    })
  }

  async function login(credentials: { username: string; password: string; code?: string }): Promise<User> {
    const { user: entered } = await answer(api.POST('/api/session', { body: credentials }))
    enter(entered)
    return entered
  }

  async function register(form: { username: string; password: string; displayName?: string }): Promise<User> {
    const { user: entered } = await answer(api.POST('/api/users', { body: form }))
    enter(entered)
    return entered
  }

  /** The password is this person's own now. */
  function ownPassword(): void {
    if (user.value) user.value = { ...user.value, passwordDue: false }
  }

  async function logout(): Promise<void> {
    await answer(api.DELETE('/api/session'))
    leave()
  }

  onLoginLost(() => {
    if (user.value) leave()
  })

  return { user, isIn, pending, begin, ask, login, register, ownPassword, logout }
})
