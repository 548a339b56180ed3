/** The available categories and teachers, shared by all pages that need them. */
import { useQuery } from '@pinia/colada'
import { answer, api } from '../../../src/api/client.ts'

/** The request is not aborted when the page that started it is left: the next page waits for the same response. */
export const useCourseChoices = () =>
  useQuery({ key: ['course choices'], query: () => answer(api.GET('/api/admin/course-choices')) })
