/** The back office's routes, each with the permission that it needs and its place in the navigation. */
import type { RouteRecordRaw } from 'vue-router'
import type { Group } from './navigation.ts'

declare module 'vue-router' {
  interface RouteMeta {
    /** The permission without which the page has nothing to show. */
    right?: string
    /** Accessible without a staff session: the login, the first password after it, and the first owner. */
    open?: boolean
    /** The group of the navigation that lists the page, in the order of this table. */
    group?: Group
    /** The page to mark in the navigation for this one. */
    under?: string
  }
}

export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'start', component: () => import('./pages/start/StartPage.vue') },
  { path: '/login', name: 'login', component: () => import('./pages/account/LoginPage.vue'), meta: { open: true } },
  {
    path: '/first-run',
    name: 'first-run',
    component: () => import('./pages/account/FirstRunPage.vue'),
    meta: { open: true },
  },
  {
    path: '/first-password',
    name: 'first-password',
    component: () => import('./pages/account/FirstPasswordPage.vue'),
    meta: { open: true },
  },
  {
    path: '/first-factor',
    name: 'first-factor',
    component: () => import('./pages/account/FirstFactorPage.vue'),
    meta: { open: true },
  },
  {
    path: '/orders',
    name: 'orders',
    component: () => import('./pages/orders/OrdersPage.vue'),
    meta: { right: 'orders.read', group: 'trade' },
  },
  {
    path: '/orders/:orderNo',
    name: 'order',
    component: () => import('./pages/orders/OrderPage.vue'),
    meta: { right: 'orders.read', under: 'orders' },
  },
  {
    path: '/refunds',
    name: 'refunds',
    component: () => import('./pages/refunds/RefundsPage.vue'),
    meta: { right: 'refunds.read', group: 'trade' },
  },
  {
    path: '/courses',
    name: 'courses',
    component: () => import('./pages/courses/CoursesPage.vue'),
    meta: { right: 'courses.read', group: 'trade' },
  },
  {
    path: '/courses/new',
    name: 'new-course',
    component: () => import('./pages/courses/NewCoursePage.vue'),
    meta: { right: 'courses.write', under: 'courses' },
  },
  {
    path: '/courses/:id(\\d+)',
    name: 'course',
    component: () => import('./pages/courses/CoursePage.vue'),
    meta: { right: 'courses.read', under: 'courses' },
  },
  {
    path: '/courses/:id(\\d+)/lessons/:lessonId(\\d+)',
    name: 'lesson',
    component: () => import('./pages/courses/LessonPage.vue'),
    meta: { right: 'courses.read', under: 'courses' },
  },
  {
    path: '/categories',
    name: 'categories',
    component: () => import('./pages/courses/ChoicesPage.vue'),
    props: { kind: 'categories' },
    meta: { right: 'courses.read', under: 'courses' },
  },
  {
    path: '/teachers',
    name: 'teachers',
    component: () => import('./pages/courses/ChoicesPage.vue'),
    props: { kind: 'teachers' },
    meta: { right: 'courses.read', under: 'courses' },
  },
  {
    path: '/buyers',
    name: 'buyers',
    component: () => import('./pages/buyers/BuyersPage.vue'),
    meta: { right: 'buyers.read', group: 'trade' },
  },
  {
    path: '/buyers/:id(\\d+)',
    name: 'buyer',
    component: () => import('./pages/buyers/BuyerPage.vue'),
    meta: { right: 'buyers.read', under: 'buyers' },
  },
  {
    path: '/imports',
    name: 'imports',
    component: () => import('./pages/imports/ImportsPage.vue'),
    meta: { right: 'students.import', under: 'buyers' },
  },
  {
    path: '/imports/:id(\\d+)',
    name: 'import',
    component: () => import('./pages/imports/ImportPage.vue'),
    meta: { right: 'students.import', under: 'buyers' },
  },
  {
    path: '/dashboard',
    name: 'dashboard',
    component: () => import('./pages/dashboard/DashboardPage.vue'),
    meta: { right: 'money.read', group: 'money' },
  },
  {
    path: '/money-health',
    name: 'health',
    component: () => import('./pages/system/HealthPage.vue'),
    meta: { right: 'money.read', group: 'money' },
  },
  {
    path: '/unmatched-payments',
    name: 'unmatched',
    component: () => import('./pages/payments/UnmatchedPage.vue'),
    meta: { right: 'money.read', group: 'money' },
  },
  {
    path: '/reconciliation',
    name: 'reconciliation',
    component: () => import('./pages/reconciliation/ReconciliationPage.vue'),
    meta: { right: 'money.read', group: 'money' },
  },
  {
    path: '/reconciliation/:provider/:day',
    name: 'day',
    component: () => import('./pages/reconciliation/DayPage.vue'),
    meta: { right: 'money.read', under: 'reconciliation' },
  },
  {
    path: '/notifications',
    name: 'notifications',
    component: () => import('./pages/payments/NotificationsPage.vue'),
    meta: { right: 'inbox.read', group: 'system' },
  },
  {
    path: '/notifications/:id(\\d+)',
    name: 'notification',
    component: () => import('./pages/payments/NotificationPage.vue'),
    meta: { right: 'inbox.read', under: 'notifications' },
  },
  {
    path: '/jobs',
    name: 'jobs',
    component: () => import('./pages/system/JobsPage.vue'),
    meta: { right: 'jobs.read', group: 'system' },
  },
  {
    path: '/staff',
    name: 'staff',
    component: () => import('./pages/staff/StaffPage.vue'),
    meta: { right: 'staff.read', group: 'system' },
  },
  {
    path: '/staff/:id(\\d+)',
    name: 'staff-member',
    component: () => import('./pages/staff/StaffMemberPage.vue'),
    meta: { right: 'staff.read', under: 'staff' },
  },
  {
    path: '/audit',
    name: 'audit',
    component: () => import('./pages/system/AuditPage.vue'),
    meta: { right: 'audit.read', group: 'system' },
  },
  { path: '/profile', name: 'profile', component: () => import('./pages/account/ProfilePage.vue') },
  {
    path: '/settings',
    name: 'settings',
    redirect: { name: 'shop' },
    meta: { right: 'settings.read', group: 'system' },
  },
  {
    path: '/settings/shop',
    name: 'shop',
    component: () => import('./pages/settings/ShopSettingsPage.vue'),
    meta: { right: 'settings.read', under: 'settings' },
  },
  {
    path: '/settings/payments',
    name: 'keys',
    component: () => import('./pages/settings/PaymentSettingsPage.vue'),
    meta: { right: 'settings.read', under: 'settings' },
  },
  {
    path: '/settings/trial',
    name: 'trial',
    component: () => import('./pages/settings/TrialPage.vue'),
    meta: { right: 'settings.read', under: 'settings' },
  },
  {
    path: '/settings/security',
    name: 'security',
    component: () => import('./pages/settings/SecurityPage.vue'),
    meta: { right: 'staff.read', under: 'settings' },
  },
  { path: '/:rest(.*)*', name: 'not-found', component: () => import('./pages/start/NotFoundPage.vue') },
]
