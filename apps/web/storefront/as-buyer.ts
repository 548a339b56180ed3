/** Staff look at a course as somebody does who has not bought it: `?as=buyer` in the address, which means nothing to others. */
import { computed } from 'vue'
import { type RouteLocationNormalized, useRoute } from 'vue-router'
import { useSession } from './session.ts'

const isAsked = (route: Pick<RouteLocationNormalized, 'query'>): boolean => route.query['as'] === 'buyer'

export function useAsBuyer() {
  const route = useRoute()
  const session = useSession()
  // Whoever logged in at the desk is not known here yet.
  if (isAsked(route)) session.ask().catch(() => {})
  return computed(() => isAsked(route) && session.user !== null && session.user.role !== 'buyer')
}

const courseOf = ({ name, params }: RouteLocationNormalized) =>
  name === 'course' ? params['id'] : name === 'learn' ? params['courseId'] : undefined

/** From the course to its lessons and back it goes along. */
export const goesAlong = (to: RouteLocationNormalized, from: RouteLocationNormalized): boolean =>
  isAsked(from) && !isAsked(to) && courseOf(to) !== undefined && courseOf(to) === courseOf(from)
