/**
 * Staff preview a course as someone who has not bought it, with `?as=buyer` in the address; ignored for other users.
 */
import { computed } from 'vue'
import { type RouteLocationNormalized, useRoute } from 'vue-router'
import { useSession } from './session.ts'

const isAsked = (route: Pick<RouteLocationNormalized, 'query'>): boolean => route.query['as'] === 'buyer'

export function useAsBuyer() {
  const route = useRoute()
  const session = useSession()
  // A login in the back office is not known to the storefront yet.
  if (isAsked(route)) session.ask().catch(() => {})
  return computed(() => isAsked(route) && session.user !== null && session.user.role !== 'buyer')
}

const courseOf = ({ name, params }: RouteLocationNormalized) =>
  name === 'course' ? params['id'] : name === 'learn' ? params['courseId'] : undefined

/** The preview is kept when moving between a course and its lessons. */
export const goesAlong = (to: RouteLocationNormalized, from: RouteLocationNormalized): boolean =>
  isAsked(from) && !isAsked(to) && courseOf(to) !== undefined && courseOf(to) === courseOf(from)
