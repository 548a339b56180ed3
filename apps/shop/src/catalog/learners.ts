/**
 * Number of learners of each course. A job recounts them from time to time, so that granting access never waits for a
 * lock on a course.
 */
import { sql } from 'kysely'
import type { Database } from '../db/connect.ts'

/** Writes only changed counts, because every change of a course empties the response cache. */
export async function countLearners(db: Database): Promise<void> {
  await sql`
    with counted as (select course_id, count(*)::int as learners from enrolments where not standby group by course_id)
    update courses set learners = coalesce(counted.learners, 0)
    from courses known left join counted on counted.course_id = known.id
    where courses.id = known.id and courses.learners <> coalesce(counted.learners, 0)`.execute(db)
}
