/** The pages of the back office about courses and buyers. */
import { describePages } from './back-office-page.ts'

describePages([
  {
    name: 'imports of students',
    path: () => '/admin/imports',
    heading: ['导入学员', 'Import students'],
    shows: '[data-testid=import-file]',
  },
  {
    name: 'an unknown import',
    path: () => '/admin/imports/999999',
    heading: ['没有这次导入', 'Import not found'],
  },
  { name: 'courses', path: () => '/admin/courses', heading: ['课程', 'Courses'], shows: 'tbody tr' },
  {
    name: 'categories',
    path: () => '/admin/categories',
    heading: ['分类', 'Categories'],
    shows: '[data-testid=choices] li',
  },
  { name: 'teachers', path: () => '/admin/teachers', heading: ['老师', 'Teachers'], shows: '[data-testid=choices] li' },
  { name: 'no courses found', path: () => '/admin/courses?q=nothing-like-it', heading: ['课程', 'Courses'] },
  {
    name: 'a new course',
    path: () => '/admin/courses/new',
    heading: ['新建课程', 'New course'],
    shows: '[data-testid=course-save]',
  },
  { name: 'a course', path: () => '/admin/courses/1', heading: ['', ''], shows: '[data-testid=course-unpublish]' },
  {
    name: "a course's content",
    path: () => '/admin/courses/1?tab=content',
    heading: ['', ''],
    shows: '[data-lesson]',
  },
  {
    name: 'an unknown course',
    path: () => '/admin/courses/999999',
    heading: ['没有这门课程', 'Course not found'],
  },
  {
    name: 'a lesson',
    path: () => '/admin/courses/1/lessons/1',
    heading: ['', ''],
    shows: '[data-testid=lesson-save]',
  },
  { name: 'buyers', path: () => '/admin/buyers', heading: ['买家', 'Buyers'], shows: 'tbody tr' },
  { name: 'no buyers found', path: () => '/admin/buyers?q=nobody', heading: ['买家', 'Buyers'] },
  {
    name: 'a buyer',
    path: (world) => `/admin/buyers/${world.buyer}`,
    heading: ['', ''],
    shows: '[data-testid=buyer-grant]',
  },
  { name: 'an unknown buyer', path: () => '/admin/buyers/999999', heading: ['没有这个买家', 'Buyer not found'] },
])
