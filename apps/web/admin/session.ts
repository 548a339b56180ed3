/** The current staff member and their permissions. The server enforces them; here they only decide what is shown. */
import { useQueryCache } from '@pinia/colada'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { ApiProblem, answer, api, onLoginLost, type User } from '../src/api/client.ts'
import { actAs } from '../src/api/gate.ts'
import { keepBarrier } from '../src/login/barrier.ts'
import type { Credentials } from '../src/login/login-fields.ts'
import { loginTrace } from '../src/login/login-trace.ts'
import { shareCall } from '../src/share-call.ts'
import { dropDraftsOf } from './drafts/drafts.ts'

/**
 * `buyer`: logged in, but not as staff; `due`: staff who must first replace a generated password; `factor`: staff who
 * must first set up a second factor.
 */
export type Standing = 'unknown' | 'nobody' | 'buyer' | 'due' | 'factor' | 'staff'

interface Found {
  readonly standing: Standing
  /** Only of staff who are in, or about to set up their second factor. */
  readonly user?: User
  readonly rights?: readonly string[]
}

export const useStaffSession = defineStore('staff-session', () => {
  const cache = useQueryCache()
  const standing = shallowRef<Standing>('unknown')
  const user = shallowRef<User>()
  const rights = shallowRef<ReadonlySet<string>>(new Set())

  const may = (right: string): boolean => rights.value.has(right)
  const isIn = computed(() => standing.value === 'staff')

  function become(found: Found): Standing {
    user.value = found.user
    actAs(found.user?.id)
    rights.value = new Set(found.rights)
    standing.value = found.standing
    // The storefront shares this session.
    if (isIn.value) loginTrace.leave()
    else for (const entry of cache.getEntries()) cache.remove(entry)
    return found.standing
  }

  const request = shareCall(async () => become(await readStaff()))
  /** Loads the current staff member once. @throws ApiProblem if the server does not answer */
  const load = async (): Promise<Standing> => (standing.value === 'unknown' ? request() : standing.value)

  async function login(credentials: Credentials): Promise<Standing> {
    await answer(api.POST('/api/session', { body: credentials }))
    return reload()
  }

  /** Reloads the staff member after a change to the account. */
  function reload(): Promise<Standing> {
    become({ standing: 'unknown' })
    return load()
  }

  async function logout(): Promise<void> {
    const id = user.value?.id
    await answer(api.DELETE('/api/session'))
    if (id !== undefined) dropDraftsOf(id)
    loginTrace.wipe()
    become({ standing: 'nobody' })
  }

  keepBarrier(() => (isIn.value || standing.value === 'factor' ? user.value : undefined))
  // A user who does not log in again in the dialog is logged out of the page.
  onLoginLost(() => {
    if (isIn.value || standing.value === 'factor') become({ standing: 'nobody' })
  })

  return { standing, user, isIn, may, load, reload, login, logout }
})

/** @throws ApiProblem if the server does not answer */
async function readStaff(): Promise<Found> {
  try {
    return { standing: 'staff', ...(await answer(api.GET('/api/admin/me'))) }
  } catch (error) {
    if (!(error instanceof ApiProblem) || (error.status !== 401 && error.status !== 403)) throw error
    if (error.code === 'PASSWORD_DUE') return { standing: 'due' }
    // Setting up the second factor may require a credential proof, for which the account must be known.
    if (error.code === 'SECOND_FACTOR_DUE') return { standing: 'factor', user: await answer(api.GET('/api/me')) }
    return { standing: error.status === 401 ? 'nobody' : 'buyer' }
  }
}
