/** Schemas of the catalogue: the query of its lists, and its responses. */
import { Type } from 'typebox'
import { Cursor } from '../http/cursor.ts'
import { Moment, Money } from '../http/shapes.ts'

export const CourseQuery = Type.Object({
  kind: Type.Optional(Type.Enum(['free', 'paid'])),
  category: Type.Optional(Type.String({ maxLength: 64 })),
  q: Type.Optional(Type.String({ maxLength: 100 })),
  sort: Type.Optional(Type.Enum(['newest', 'price', '-price', 'popular'])),
  cursor: Cursor,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
})

export const CategoryShape = Type.Object(
  {
    slug: Type.String(),
    nameZh: Type.String(),
    nameEn: Type.String(),
    palette: Type.Array(Type.String()),
    courseCount: Type.Integer(),
  },
  { $id: 'Category' },
)

const summary = {
  id: Type.Integer(),
  slug: Type.String(),
  title: Type.String(),
  promise: Type.String(),
  language: Type.Enum(['zh-CN', 'en']),
  category: Type.Object({ slug: Type.String(), nameZh: Type.String(), nameEn: Type.String() }),
  lessonCount: Type.Integer(),
  minutes: Type.Integer(),
  price: Money,
  originalPrice: Type.Union([Money, Type.Null()]),
  free: Type.Boolean(),
  coverUrl: Type.String(),
  publishedAt: Moment,
}

export const CourseSummaryShape = Type.Object(
  { ...summary, teacher: Type.Object({ name: Type.String(), title: Type.String() }) },
  { $id: 'CourseSummary' },
)

const LessonEntry = Type.Object({
  id: Type.Integer(),
  title: Type.String(),
  minutes: Type.Integer(),
  preview: Type.Boolean(),
  hasVideo: Type.Boolean(),
})

export const CourseDetailShape = Type.Object(
  {
    ...summary,
    status: Type.Enum(['draft', 'published']),
    teacher: Type.Object({ name: Type.String(), title: Type.String(), bio: Type.String() }),
    outcomes: Type.Array(Type.String()),
    chapters: Type.Array(Type.Object({ id: Type.Integer(), title: Type.String(), lessons: Type.Array(LessonEntry) })),
  },
  { $id: 'CourseDetail' },
)

export const LessonShape = Type.Object(
  {
    id: Type.Integer(),
    courseId: Type.Integer(),
    courseTitle: Type.String(),
    title: Type.String(),
    minutes: Type.Integer(),
    preview: Type.Boolean(),
    markdown: Type.String(),
    videoUrl: Type.Union([Type.String(), Type.Null()]),
    previousId: Type.Union([Type.Integer(), Type.Null()]),
    nextId: Type.Union([Type.Integer(), Type.Null()]),
  },
  { $id: 'Lesson' },
)
