/** Who may read a course as a whole, on sale or not: whoever owns it, and staff who may see courses. */
import { mayDo } from '../accounts/rights.ts'
import type { User } from '../accounts/sessions.ts'
import type { Reader } from '../database/connect.ts'
import { owns } from './access.ts'

export const seesAll = async (db: Reader, user: User, courseId: number): Promise<boolean> =>
  mayDo(user.role, 'courses.read') || (await owns(db, user.id, courseId))
