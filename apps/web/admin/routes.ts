/** The back office's addresses, each with the right that it needs; the navigation comes from the same table. */
import type { RouteRecordRaw } from 'vue-router'

declare module 'vue-router' {
  interface RouteMeta {
    /** The right without which the page has nothing to show. */
    right?: string
    /** For everybody: the login, and the first password after it. */
    open?: boolean
  }
}

export const BASE = '/admin'

/** What the navigation offers, in its order and groups. */
export const WAYS = [
  {
    group: 'trade',
    ways: [
      { name: 'orders', right: 'orders.read' },
      { name: 'refunds', right: 'refunds.read' },
      { name: 'courses', right: 'courses.read' },
      { name: 'buyers', right: 'buyers.read' },
    ],
  },
  {
    group: 'money',
    ways: [
      { name: 'dashboard', right: 'money.read' },
      { name: 'health', right: 'money.read' },
      { name: 'unmatched', right: 'money.read' },
      { name: 'reconciliation', right: 'money.read' },
    ],
  },
  {
    group: 'system',
    ways: [
      { name: 'notifications', right: 'inbox.read' },
      { name: 'jobs', right: 'jobs.read' },
      { name: 'staff', right: 'staff.read' },
      { name: 'audit', right: 'audit.read' },
      { name: 'settings', right: 'settings.read' },
    ],
  },
] as const

export type WayName = (typeof WAYS)[number]['ways'][number]['name']

export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'start', component: () => import('./pages/StartPage.vue') },
  { path: '/login', name: 'login', component: () => import('./pages/LoginPage.vue'), meta: { open: true } },
  {
    path: '/first-password',
    name: 'first-password',
    component: () => import('./pages/FirstPasswordPage.vue'),
    meta: { open: true },
  },
  {
    path: '/orders',
    name: 'orders',
    component: () => import('./pages/OrdersPage.vue'),
    meta: { right: 'orders.read' },
  },
  {
    path: '/orders/:orderNo',
    name: 'order',
    component: () => import('./pages/OrderPage.vue'),
    meta: { right: 'orders.read' },
  },
  {
    path: '/exports',
    name: 'exports',
    component: () => import('./pages/ExportsPage.vue'),
    meta: { right: 'orders.export' },
  },
  {
    path: '/refunds',
    name: 'refunds',
    component: () => import('./pages/RefundsPage.vue'),
    meta: { right: 'refunds.read' },
  },
  {
    path: '/buyers',
    name: 'buyers',
    component: () => import('./pages/BuyersPage.vue'),
    meta: { right: 'buyers.read' },
  },
  {
    path: '/buyers/:id(\\d+)',
    name: 'buyer',
    component: () => import('./pages/BuyerPage.vue'),
    meta: { right: 'buyers.read' },
  },
  {
    path: '/imports',
    name: 'imports',
    component: () => import('./pages/ImportsPage.vue'),
    meta: { right: 'students.import' },
  },
  {
    path: '/imports/:id(\\d+)',
    name: 'import',
    component: () => import('./pages/ImportPage.vue'),
    meta: { right: 'students.import' },
  },
  {
    path: '/courses',
    name: 'courses',
    component: () => import('./pages/CoursesPage.vue'),
    meta: { right: 'courses.read' },
  },
  {
    path: '/courses/new',
    name: 'new-course',
    component: () => import('./pages/NewCoursePage.vue'),
    meta: { right: 'courses.write' },
  },
  {
    path: '/courses/:id(\\d+)',
    name: 'course',
    component: () => import('./pages/CoursePage.vue'),
    meta: { right: 'courses.read' },
  },
  {
    path: '/courses/:id(\\d+)/lessons/:lessonId(\\d+)',
    name: 'lesson',
    component: () => import('./pages/LessonPage.vue'),
    meta: { right: 'courses.read' },
  },
  {
    path: '/categories',
    name: 'categories',
    component: () => import('./pages/ChoicesPage.vue'),
    props: { kind: 'categories' },
    meta: { right: 'courses.read' },
  },
  {
    path: '/teachers',
    name: 'teachers',
    component: () => import('./pages/ChoicesPage.vue'),
    props: { kind: 'teachers' },
    meta: { right: 'courses.read' },
  },
  {
    path: '/dashboard',
    name: 'dashboard',
    component: () => import('./pages/DashboardPage.vue'),
    meta: { right: 'money.read' },
  },
  {
    path: '/money-health',
    name: 'health',
    component: () => import('./pages/HealthPage.vue'),
    meta: { right: 'money.read' },
  },
  {
    path: '/unmatched-payments',
    name: 'unmatched',
    component: () => import('./pages/UnmatchedPage.vue'),
    meta: { right: 'money.read' },
  },
  {
    path: '/reconciliation',
    name: 'reconciliation',
    component: () => import('./pages/ReconciliationPage.vue'),
    meta: { right: 'money.read' },
  },
  {
    path: '/reconciliation/:provider/:day',
    name: 'day',
    component: () => import('./pages/DayPage.vue'),
    meta: { right: 'money.read' },
  },
  {
    path: '/notifications',
    name: 'notifications',
    component: () => import('./pages/NotificationsPage.vue'),
    meta: { right: 'inbox.read' },
  },
  {
    path: '/notifications/:id(\\d+)',
    name: 'notification',
    component: () => import('./pages/NotificationPage.vue'),
    meta: { right: 'inbox.read' },
  },
  { path: '/jobs', name: 'jobs', component: () => import('./pages/JobsPage.vue'), meta: { right: 'jobs.read' } },
  { path: '/audit', name: 'audit', component: () => import('./pages/AuditPage.vue'), meta: { right: 'audit.read' } },
  { path: '/staff', name: 'staff', component: () => import('./pages/StaffPage.vue'), meta: { right: 'staff.read' } },
  {
    path: '/staff/:id(\\d+)',
    name: 'staff-member',
    component: () => import('./pages/StaffMemberPage.vue'),
    meta: { right: 'staff.read' },
  },
  { path: '/profile', name: 'profile', component: () => import('./pages/ProfilePage.vue') },
  { path: '/settings', name: 'settings', redirect: { name: 'shop' } },
  {
    path: '/settings/shop',
    name: 'shop',
    component: () => import('./pages/ShopSettingsPage.vue'),
    meta: { right: 'settings.read' },
  },
  {
    path: '/settings/payments',
    name: 'keys',
    component: () => import('./pages/PaymentSettingsPage.vue'),
    meta: { right: 'settings.read' },
  },
  {
    path: '/settings/trial',
    name: 'trial',
    component: () => import('./pages/TrialPage.vue'),
    meta: { right: 'settings.read' },
  },
  { path: '/:rest(.*)*', name: 'not-found', component: () => import('./pages/NotFoundPage.vue') },
]
