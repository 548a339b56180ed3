/** Who may read a course as a whole, on sale or not: whoever owns it, and staff who may see courses. */
import { mayDo } from '../accounts/rights.ts'
import type { User } from '../accounts/sessions.ts'
import type { Reader } from '../database/connect.ts'
import { owns } from './access.ts'

export const seesAll = async (db: Reader, user: User, courseId: number): Promise<boolean> =>
  isStaff(user) || (await owns(db, user.id, courseId))

/** Staff who may see courses: they may look at one as a buyer does. */
export const isStaff = (user: User): boolean => mayDo(user.role, 'courses.read')
