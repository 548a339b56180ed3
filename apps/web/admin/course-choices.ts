/** The categories and teachers there are to choose from, for every page that asks. */
import { useQuery } from '@pinia/colada'
import { answer, api } from '../src/api/client.ts'

/** Not ended with the page that asked first: the page that comes after it waits for the same answer. */
export const useCourseChoices = () =>
  useQuery({ key: ['course choices'], query: () => answer(api.GET('/api/admin/course-choices')) })
