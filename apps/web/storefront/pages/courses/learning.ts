/** State of reading a course: the current lesson, whether it is accessible, and the saved place. */
import { useQuery, useQueryCache } from '@pinia/colada'
import { computed, onBeforeUnmount, onMounted, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { ApiProblem, answer, api, asProblem, type OwnedCourse } from '../../../src/api/client.ts'
import { useAsBuyer } from '../../as-buyer.ts'
import { useCourse } from '../../queries/catalog.ts'
import { useOwned } from '../../queries/mine.ts'
import { useSession } from '../../session.ts'
import { sendsPlaces } from './places.ts'

/** The lessons of the course in the address. If it names no lesson, opens the last one read, or the first. */
export function useLearning() {
  const route = useRoute()
  const router = useRouter()
  const session = useSession()
  const cache = useQueryCache()
  const courseId = computed(() => Number(route.params['courseId']))
  const lessonId = computed(() => (route.params['lessonId'] ? Number(route.params['lessonId']) : undefined))

  const courseQuery = useCourse(courseId)
  const { data: course } = courseQuery
  const { byCourse, unsure, error: ownedUnknown } = useOwned()
  const owned = computed(() => byCourse.value.get(courseId.value))
  // A draft is only returned to its authors and owners, who may read all of it.
  const open = computed(
    () => course.value?.free === true || course.value?.status === 'draft' || owned.value !== undefined,
  )
  const asBuyer = useAsBuyer()

  const lessons = computed(() => course.value?.chapters.flatMap((chapter) => chapter.lessons) ?? [])
  const listed = computed(() => lessons.value.find((lesson) => lesson.id === lessonId.value))

  /** Do not request a lesson that is known to be locked. If that is unknown, the server decides. */
  const known = computed(() => course.value !== undefined && !unsure.value)
  const mayAsk = computed(
    () =>
      known.value && listed.value !== undefined && (open.value || listed.value.preview || ownedUnknown.value !== null),
  )
  const lessonQuery = useQuery({
    key: () => ['mine', 'lesson', courseId.value, lessonId.value ?? 0, asBuyer.value ? 'as buyer' : ''],
    query: ({ signal }) =>
      answer(
        api.GET('/api/courses/{id}/lessons/{lessonId}', {
          params: {
            path: { id: courseId.value, lessonId: lessonId.value ?? 0 },
            query: asBuyer.value ? { as: 'buyer' } : {},
          },
          signal,
        }),
      ),
    enabled: () => mayAsk.value,
    staleTime: 300_000,
  })

  const state = computed<'loading' | 'open' | 'locked' | 'missing' | 'failed'>(() => {
    if (courseQuery.error.value && !course.value) {
      return asProblem(courseQuery.error.value).status === 404 ? 'missing' : 'failed'
    }
    if (!known.value || lessonId.value === undefined) return 'loading'
    if (!listed.value) return 'missing'
    if (!mayAsk.value) return 'locked'
    if (lessonQuery.data.value) return 'open'
    if (!lessonQuery.error.value) return 'loading'
    const { code, status } = asProblem(lessonQuery.error.value)
    if (code === 'LOGIN_REQUIRED' || code === 'COURSE_NOT_OWNED') return 'locked'
    return status === 404 ? 'missing' : 'failed'
  })

  watch(
    [known, lessonId, course],
    () => {
      if (!known.value || lessonId.value !== undefined || lessons.value.length === 0) return
      const last = lessons.value.find((lesson) => lesson.id === owned.value?.lastLessonId)
      const first = open.value ? lessons.value[0] : (lessons.value.find((lesson) => lesson.preview) ?? lessons.value[0])
      const lesson = last ?? first
      if (lesson) void router.replace({ name: 'learn', params: { courseId: courseId.value, lessonId: lesson.id } })
    },
    { immediate: true },
  )

  /** Adds a free course that a logged-in user reads to "my courses", so that the place can be saved. */
  async function begin(id: number): Promise<void> {
    await answer(api.POST('/api/courses/{id}/enrolment', { params: { path: { id } } }))
    await cache.invalidateQueries({ key: ['mine', 'courses'] })
  }

  async function keepPlace(id: number, lesson: number): Promise<void> {
    const params = { path: { id } }
    // `keepalive`: the request completes even if the page is left meanwhile.
    await answer(api.PUT('/api/me/courses/{id}/place', { params, body: { lessonId: lesson }, keepalive: true }))
    const before = cache.getQueryData<OwnedCourse[]>(['mine', 'courses'])
    const moved = before?.map((own) => (own.course.id === id ? { ...own, lastLessonId: lesson } : own))
    if (moved) cache.setQueryData(['mine', 'courses'], moved)
  }

  const places = sendsPlaces((id, lesson) => keepPlace(id, lesson).catch(ignoreProblem))
  onMounted(() => addEventListener('pagehide', places.hurry))
  onBeforeUnmount(() => removeEventListener('pagehide', places.hurry))

  watch(
    [state, lessonId, owned],
    async () => {
      if (state.value !== 'open' || lessonId.value === undefined || !session.isIn || unsure.value) return
      if (asBuyer.value) return // a preview must not enrol or save a place
      if (owned.value === undefined && course.value?.free && course.value.status === 'published') {
        await begin(courseId.value).catch(ignoreProblem)
      } else if (owned.value) {
        const last = places.underway(courseId.value) ?? owned.value.lastLessonId
        if (last !== lessonId.value) await places.put(courseId.value, lessonId.value)
      }
    },
    { immediate: true },
  )

  const place = computed(() => lessons.value.findIndex((lesson) => lesson.id === lessonId.value))
  const neighbour = (step: 1 | -1) => (place.value < 0 ? undefined : lessons.value[place.value + step])
  return {
    course,
    lesson: lessonQuery.data,
    lessonId,
    listed,
    lessons,
    place,
    open,
    state,
    error: computed(() => courseQuery.error.value ?? lessonQuery.error.value),
    previous: computed(() => neighbour(-1)),
    next: computed(() => neighbour(1)),
    again: () => Promise.all([courseQuery.refresh(), mayAsk.value ? lessonQuery.refetch() : undefined]),
    openLesson: (id: number) => router.push({ name: 'learn', params: { courseId: courseId.value, lessonId: id } }),
  }
}

/** The saved place is a convenience: ignore refusals and network errors. */
function ignoreProblem(error: unknown): void {
  if (!(error instanceof ApiProblem)) throw error
}
