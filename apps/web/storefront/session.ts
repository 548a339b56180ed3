/** The current user. The session itself is an http-only cookie that scripts cannot read. */
import { useQueryCache } from '@pinia/colada'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { ApiProblem, answer, api, onLoginLost, type User } from '../src/api/client.ts'
import { actAs } from '../src/api/gate.ts'
import { keepBarrier } from '../src/login/barrier.ts'
import type { Credentials, NewAccount } from '../src/login/login-fields.ts'
import { loginTrace } from '../src/login/login-trace.ts'
import { shareCall } from '../src/share-call.ts'
import { createAccount } from './registration.ts'

export const useSession = defineStore('session', () => {
  const cache = useQueryCache()
  const user = shallowRef<User | null>(null)
  const asked = shallowRef(false)

  const isIn = computed(() => user.value !== null)
  /** True while the current user is being loaded. */
  const pending = shallowRef(false)

  function enter(entered: User): User {
    user.value = entered
    actAs(entered.id)
    asked.value = true
    loginTrace.leave()
    return entered
  }

  function leave(): null {
    user.value = null
    actAs(undefined)
    asked.value = true
    loginTrace.wipe()
    for (const entry of cache.getEntries({ key: ['mine'] })) cache.remove(entry)
    return null
  }

  const load = shareCall(async () => {
    pending.value = true
    try {
      return enter(await answer(api.GET('/api/me')))
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 401) throw error
      return leave()
    } finally {
      pending.value = false
    }
  })
  /** Loads the current user once. @throws ApiProblem if the server does not answer */
  const ask = async (): Promise<User | null> => (asked.value ? user.value : load())

  /** At the start of a visit: loads the user only if this browser was logged in before. */
  function begin(): void {
    if (!loginTrace.is()) return
    ask().catch(() => {
      // A failure says nothing about the session: a page that needs it asks again and shows the error.
    })
  }

  const login = async (credentials: Credentials): Promise<User> =>
    enter((await answer(api.POST('/api/session', { body: credentials }))).user)
  const register = async (form: NewAccount, proving: () => void): Promise<User> =>
    enter(await createAccount(form, proving))

  /** Records that the user has replaced the generated password. */
  function ownPassword(): void {
    if (user.value) user.value = { ...user.value, passwordDue: false }
  }

  async function logout(): Promise<void> {
    await answer(api.DELETE('/api/session'))
    leave()
  }

  keepBarrier(() => user.value ?? undefined)
  // A user who does not log in again in the dialog is logged out of the page.
  onLoginLost(() => {
    if (user.value) leave()
  })

  return { user, isIn, pending, begin, ask, login, register, ownPassword, logout }
})
