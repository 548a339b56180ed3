/** Courses to buy: many cheap ones, so that a buyer can keep buying, since a course cannot be bought twice. */
import type { System } from '../tests/harness/system.ts'
import type { Random } from './random.ts'
import type { Course } from './visit.ts'

export async function makeCourses({ sql }: System, draw: Random, count: number): Promise<Course[]> {
  const prices = Array.from({ length: count }, () => 2 + draw.below(998))
  return sql<{ id: number; fen: number }>(
    `insert into courses (slug, category_slug, teacher_slug, language, title, promise, outcomes, price_fen, published_at)
     select 'proof-' || n, (select slug from categories limit 1), (select slug from teachers limit 1), 'en',
       'Proof ' || n, 'proof', '{}', price, now()
     from unnest($1::bigint[]) with ordinality as priced (price, n) returning id, price_fen::int as fen`,
    [prices],
  )
}
