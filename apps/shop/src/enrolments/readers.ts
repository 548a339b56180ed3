/** Who may read a whole course, on sale or not: its owners, and staff with the permission to see courses. */
import { mayDo } from '../admin/permissions.ts'
import type { User } from '../auth/sessions/sessions.ts'
import type { Reader } from '../db/connect.ts'
import { owns } from './access.ts'

export const seesAll = async (db: Reader, user: User, courseId: number): Promise<boolean> =>
  isStaff(user) || (await owns(db, user.id, courseId))

/** Staff with the permission to see courses: they may look at one as a buyer does. */
export const isStaff = (user: User): boolean => mayDo(user.role, 'courses.read')
