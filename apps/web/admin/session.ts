/** The current staff member and their permissions. The server enforces them; here they only decide what is shown. */
import { useQueryCache } from '@pinia/colada'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { ApiProblem, answer, api, onLoginLost, type User } from '../src/api/client.ts'
import { actAs } from '../src/api/gate.ts'
import { keepBarrier } from '../src/login/barrier.ts'
import { loginTrace } from '../src/login/login-trace.ts'
import { dropDraftsOf } from './drafts/drafts.ts'

/**
 * `buyer`: logged in, but not as staff; `due`: staff who must first replace a generated password; `factor`: staff who
 * must first set up a second factor.
 */
export type Standing = 'unknown' | 'nobody' | 'buyer' | 'due' | 'factor' | 'staff'

export const useStaffSession = defineStore('staff-session', () => {
  const cache = useQueryCache()
  const standing = shallowRef<Standing>('unknown')
  const user = shallowRef<User>()
  const rights = shallowRef<ReadonlySet<string>>(new Set())
  let loading: Promise<Standing> | undefined

  const may = (right: string): boolean => rights.value.has(right)
  const isIn = computed(() => standing.value === 'staff')

  function forget(now: Standing): Standing {
    standing.value = now
    user.value = undefined
    actAs(undefined)
    rights.value = new Set()
    for (const entry of cache.getEntries()) cache.remove(entry)
    return now
  }

  /** Setting up the second factor may require a credential proof, for which the account must be known. */
  async function setUpFirst(): Promise<Standing> {
    const person = await answer(api.GET('/api/me'))
    forget('factor')
    user.value = person
    actAs(person.id)
    return standing.value
  }

  /** Loads the current staff member once. @throws ApiProblem if the server does not answer */
  async function load(): Promise<Standing> {
    if (standing.value !== 'unknown') return standing.value
    loading ??= answer(api.GET('/api/admin/me')).then(
      (found) => {
        user.value = found.user
        actAs(found.user.id)
        rights.value = new Set(found.rights)
        standing.value = 'staff'
        loginTrace.leave() // the storefront shares this session
        return standing.value
      },
      async (error: unknown) => {
        if (!(error instanceof ApiProblem) || (error.status !== 401 && error.status !== 403)) throw error
        if (error.code === 'PASSWORD_DUE') return forget('due')
        if (error.code === 'SECOND_FACTOR_DUE') return setUpFirst()
        return forget(error.status === 401 ? 'nobody' : 'buyer')
      },
    )
    try {
      return await loading
    } finally {
      loading = undefined
    }
  }

  async function login(credentials: { username: string; password: string; code?: string }): Promise<Standing> {
    await answer(api.POST('/api/session', { body: credentials }))
    return reload()
  }

  /** Reloads the staff member after a change to the account. */
  function reload(): Promise<Standing> {
    forget('unknown')
    return load()
  }

  async function logout(): Promise<void> {
    const id = user.value?.id
    await answer(api.DELETE('/api/session'))
    if (id !== undefined) dropDraftsOf(id)
    loginTrace.wipe()
    forget('nobody')
  }

  keepBarrier(() => (isIn.value || standing.value === 'factor' ? user.value : undefined))
  // A user who does not log in again in the dialog is logged out of the page.
  onLoginLost(() => {
    if (isIn.value || standing.value === 'factor') forget('nobody')
  })

  return { standing, user, isIn, may, load, reload, login, logout }
})
