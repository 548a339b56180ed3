/** Request and response schemas of course authoring. */
import { Type } from 'typebox'
import { adminRoute } from '../../admin/admin-routes.ts'
import { Cursor } from '../../http/cursor.ts'
import { closed, Moment, Money, problems } from '../../http/shapes.ts'

export const courseRoute = adminRoute('courses')

const Id = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })
const Version = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })
/** At least one character that is not white space. */
const Title = Type.String({ minLength: 1, maxLength: 120, pattern: '\\S' })
const Language = Type.Enum(['zh-CN', 'en'])
const Status = Type.Enum(['draft', 'published'])

export const MARKDOWN_LIMIT = 200_000

export const CourseFields = closed({
  title: Title,
  promise: Type.String({ maxLength: 300 }),
  outcomes: Type.Array(Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' }), { maxItems: 12 }),
  language: Language,
  category: Type.String({ minLength: 1, maxLength: 64 }),
  teacher: Type.String({ minLength: 1, maxLength: 64 }),
  price: Money,
  originalPrice: Type.Union([Type.Null(), Money]),
  cover: Type.Union([Type.Null(), Type.String({ maxLength: 69, pattern: '^[0-9a-f]{64}\\.(png|jpg|gif|webp)$' })]),
})

export const CourseEdit = closed({ version: Version, ...CourseFields.properties })
export const VersionOnly = closed({ version: Version })
export const ChapterFields = closed({ title: Title })
export const ChapterEdit = closed({ version: Version, title: Title })
export const LessonStart = closed({ title: Title })
export const LessonEdit = closed({
  version: Version,
  title: Title,
  minutes: Type.Integer({ minimum: 1, maximum: 600 }),
  preview: Type.Boolean(),
  markdown: Type.String({ maxLength: MARKDOWN_LIMIT }),
  video: Type.Union([Type.Null(), Type.String({ maxLength: 200, pattern: '\\.(mp4|webm)$' })]),
})

/** The complete order of a course's content: every chapter and every lesson exactly once. */
export const CourseOrder = closed({
  version: Version,
  chapters: Type.Array(closed({ id: Id, lessons: Type.Array(Id, { maxItems: 500 }) }), {
    maxItems: 200,
  }),
})

export const CourseSearch = Type.Object({
  q: Type.Optional(Type.String({ maxLength: 100 })),
  status: Type.Optional(Status),
  category: Type.Optional(Type.String({ maxLength: 64 })),
  cursor: Cursor,
})

export const AdminCourseRowShape = Type.Object(
  {
    id: Id,
    title: Type.String(),
    status: Status,
    category: Type.Object({ slug: Type.String(), nameZh: Type.String(), nameEn: Type.String() }),
    teacher: Type.String(),
    lessonCount: Type.Integer(),
    price: Money,
    originalPrice: Type.Union([Money, Type.Null()]),
    coverUrl: Type.String(),
    publishedAt: Type.Union([Moment, Type.Null()]),
  },
  { $id: 'AdminCourseRow' },
)

export const AdminCourseShape = Type.Object(
  {
    id: Id,
    version: Version,
    status: Status,
    publishedAt: Type.Union([Moment, Type.Null()]),
    title: Type.String(),
    promise: Type.String(),
    outcomes: Type.Array(Type.String()),
    language: Language,
    category: Type.String(),
    teacher: Type.String(),
    price: Money,
    originalPrice: Type.Union([Money, Type.Null()]),
    cover: Type.Union([Type.String(), Type.Null()]),
    coverUrl: Type.String(),
    owners: Type.Integer({ description: 'Who owns it now' }),
    deletable: Type.Boolean({ description: 'Never ordered and never owned' }),
    missing: Type.Array(Type.Object({ field: Type.String(), message: Type.String() }), {
      description: 'What has to be there before it can be sold',
    }),
    chapters: Type.Array(
      Type.Object({
        id: Id,
        title: Type.String(),
        lessons: Type.Array(
          Type.Object({
            id: Id,
            title: Type.String(),
            minutes: Type.Integer(),
            preview: Type.Boolean(),
            hasVideo: Type.Boolean(),
            written: Type.Boolean({ description: 'There is a text or a video' }),
          }),
        ),
      }),
    ),
  },
  { $id: 'AdminCourse' },
)

export const AdminLessonShape = Type.Object(
  {
    id: Id,
    courseId: Id,
    courseTitle: Type.String(),
    chapterTitle: Type.String(),
    version: Version,
    title: Type.String(),
    minutes: Type.Integer(),
    preview: Type.Boolean(),
    markdown: Type.String(),
    video: Type.Union([Type.String(), Type.Null()]),
  },
  { $id: 'AdminLesson' },
)

/** Responses of the routes about one course. */
export const courseAnswers = { 200: Type.Ref('AdminCourse'), ...problems(401, 403, 404, 409, 422) }
export const lessonAnswers = { 200: Type.Ref('AdminLesson'), ...problems(401, 403, 404, 409, 422) }
