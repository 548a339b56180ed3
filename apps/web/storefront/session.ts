/** The current user. The session itself is an http-only cookie that scripts cannot read. */
import { useQueryCache } from '@pinia/colada'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { ApiProblem, answer, api, onLoginLost, type User } from '../src/api/client.ts'
import { actAs } from '../src/api/gate.ts'
import { keepBarrier } from '../src/login/barrier.ts'
import { loginTrace } from '../src/login/login-trace.ts'
import type { Proof } from '../src/login/proof-of-work.ts'

export const useSession = defineStore('session', () => {
  const cache = useQueryCache()
  const user = shallowRef<User | null>(null)
  const asked = shallowRef(false)
  let asking: Promise<User | null> | undefined

  const isIn = computed(() => user.value !== null)
  /** True while the current user is being loaded. */
  const pending = shallowRef(false)

  function enter(entered: User): void {
    user.value = entered
    actAs(entered.id)
    asked.value = true
    loginTrace.leave()
  }

  function leave(): void {
    user.value = null
    actAs(undefined)
    asked.value = true
    loginTrace.wipe()
    for (const entry of cache.getEntries({ key: ['mine'] })) cache.remove(entry)
  }

  /** Loads the current user once. @throws ApiProblem if the server does not answer */
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

  /** At the start of a visit: loads the user only if this browser was logged in before. */
  function begin(): void {
    if (!loginTrace.is()) return
    ask().catch(() => {
      // A failure says nothing about the session: a page that needs it asks again and shows the error.
    })
  }

  async function login(credentials: { username: string; password: string; code?: string }): Promise<User> {
    const { user: entered } = await answer(api.POST('/api/session', { body: credentials }))
    enter(entered)
    return entered
  }

  /** @param proving called if the server requires a proof of work first, which takes some seconds */
  async function register(
    form: { username: string; password: string; displayName?: string },
    proving: () => void,
  ): Promise<User> {
    const send = (body: typeof form & { proof?: Proof }) => answer(api.POST('/api/users', { body }))
    const { user: entered } = await send(form).catch(async (error: unknown) => {
      if (!(error instanceof ApiProblem) || error.code !== 'PROOF_OF_WORK_REQUIRED') throw error
      proving()
      const { prove } = await import('../src/login/proof-of-work.ts')
      return send({ ...form, proof: await prove('registration') })
    })
    enter(entered)
    return entered
  }

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
