/** State of reading a course: the current lesson, whether it is accessible, and the lessons beside it. */
import { computed, type Ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { asProblem, type CourseDetail } from '../../../src/api/client.ts'
import { useAsBuyer } from '../../as-buyer.ts'
import { useCourse } from '../../queries/catalog.ts'
import { useLesson, useOwned } from '../../queries/mine.ts'
import { useSession } from '../../session.ts'
import { useSavedPlace } from './saved-place.ts'

/** The lessons of the course in the address. If it names no lesson, opens the last one read, or the first. */
export function useLearning() {
  const route = useRoute()
  const router = useRouter()
  const session = useSession()
  const asBuyer = useAsBuyer()
  const courseId = computed(() => Number(route.params['courseId']))
  const lessonId = computed(() => (route.params['lessonId'] ? Number(route.params['lessonId']) : undefined))
  const lessonRoute = (id: number) => ({ name: 'learn', params: { courseId: courseId.value, lessonId: id } })

  const courseQuery = useCourse(courseId)
  const { data: course } = courseQuery
  const { owned, open, known, unknownOwner } = useAccess(courseId, course)
  const lessons = computed(() => course.value?.chapters.flatMap((chapter) => chapter.lessons) ?? [])
  const listed = computed(() => lessons.value.find((lesson) => lesson.id === lessonId.value))

  /** Do not request a lesson that is known to be locked. If that is unknown, the server decides. */
  const mayAsk = computed(
    () => known.value && listed.value !== undefined && (open.value || listed.value.preview || unknownOwner.value),
  )
  const lessonQuery = useLesson(
    () => ({ courseId: courseId.value, lessonId: lessonId.value ?? 0, asBuyer: asBuyer.value }),
    () => mayAsk.value,
  )

  const state = computed<'loading' | 'open' | 'locked' | 'missing' | 'failed'>(() => {
    if (courseQuery.error.value && !course.value) return stateAfter(courseQuery.error.value)
    if (!known.value || lessonId.value === undefined) return 'loading'
    if (!listed.value) return 'missing'
    if (!mayAsk.value) return 'locked'
    if (lessonQuery.data.value) return 'open'
    return lessonQuery.error.value ? stateAfter(lessonQuery.error.value) : 'loading'
  })

  watch(
    [known, lessonId, course],
    () => {
      if (!known.value || lessonId.value !== undefined || lessons.value.length === 0) return
      const last = lessons.value.find((lesson) => lesson.id === owned.value?.lastLessonId)
      const first = open.value ? lessons.value[0] : (lessons.value.find((lesson) => lesson.preview) ?? lessons.value[0])
      const lesson = last ?? first
      if (lesson) void router.replace(lessonRoute(lesson.id))
    },
    { immediate: true },
  )
  // A preview must not enrol or save a place.
  const saves = computed(() => state.value === 'open' && session.isIn && known.value && !asBuyer.value)
  useSavedPlace(() => (saves.value ? lessonId.value : undefined), course, owned)

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
    openLesson: (id: number) => router.push(lessonRoute(id)),
  }
}

/** Who may read the course. */
function useAccess(courseId: Readonly<Ref<number>>, course: Readonly<Ref<CourseDetail | undefined>>) {
  const { byCourse, unsure, error } = useOwned()
  const owned = computed(() => byCourse.value.get(courseId.value))
  return {
    owned,
    // A draft is only returned to its authors and owners, who may read all of it.
    open: computed(() => course.value?.free === true || course.value?.status === 'draft' || owned.value !== undefined),
    known: computed(() => course.value !== undefined && !unsure.value),
    unknownOwner: computed(() => error.value !== null),
  }
}

function stateAfter(error: unknown): 'locked' | 'missing' | 'failed' {
  const { code, status } = asProblem(error)
  if (code === 'LOGIN_REQUIRED' || code === 'COURSE_NOT_OWNED') return 'locked'
  return status === 404 ? 'missing' : 'failed'
}
