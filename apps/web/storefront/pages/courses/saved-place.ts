/** Saves which lesson the buyer is reading, so that the course opens there next time. */
import { useQueryCache } from '@pinia/colada'
import { onBeforeUnmount, onMounted, type Ref, watch } from 'vue'
import { ApiProblem, answer, api, type CourseDetail, type OwnedCourse } from '../../../src/api/client.ts'
import { sendsPlaces } from './places.ts'

/** @param reading the lesson that is shown in full; undefined while its place may not be saved */
export function useSavedPlace(
  reading: () => number | undefined,
  course: Readonly<Ref<CourseDetail | undefined>>,
  owned: Readonly<Ref<OwnedCourse | undefined>>,
): void {
  const cache = useQueryCache()

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
    [reading, owned],
    async ([lessonId]) => {
      if (!course.value || lessonId === undefined) return
      const { id, free, status } = course.value
      if (owned.value) {
        const last = places.underway(id) ?? owned.value.lastLessonId
        if (last !== lessonId) await places.put(id, lessonId)
      } else if (free && status === 'published') {
        await begin(id).catch(ignoreProblem)
      }
    },
    { immediate: true },
  )
}

/** The saved place is a convenience: ignore refusals and network errors. */
function ignoreProblem(error: unknown): void {
  if (!(error instanceof ApiProblem)) throw error
}
