/** The storefront's routes. Each page is a separate chunk; `login` marks pages that require a login. */
import type { RouteRecordRaw } from 'vue-router'
import { inMessenger } from './messenger.ts'

declare module 'vue-router' {
  interface RouteMeta {
    /** Requires a login: others are sent to the login page and back. */
    login?: boolean
    /** A page without distraction: it has no large footer. */
    plain?: boolean
  }
}

const learn = () => import('./pages/courses/LearnPage.vue')

export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'home', component: () => import('./pages/courses/HomePage.vue') },
  { path: '/free-courses', name: 'free', component: () => import('./pages/courses/FreeCoursesPage.vue') },
  { path: '/search', name: 'search', component: () => import('./pages/courses/SearchPage.vue') },
  { path: '/courses/:id(\\d+)', name: 'course', component: () => import('./pages/courses/CoursePage.vue') },
  { path: '/login', name: 'login', component: () => import('./pages/account/LoginPage.vue'), meta: { plain: true } },
  {
    path: '/register',
    name: 'register',
    component: () => import('./pages/account/RegisterPage.vue'),
    meta: { plain: true },
  },
  {
    path: '/checkout',
    name: 'checkout',
    component: () => import('./pages/paying/CheckoutPage.vue'),
    meta: { login: true, plain: true },
  },
  {
    path: '/pay/success',
    name: 'pay',
    component: () => import('./pages/paying/PayPage.vue'),
    meta: { login: true, plain: true },
  },
  { path: '/orders', name: 'orders', component: () => import('./pages/orders/OrdersPage.vue'), meta: { login: true } },
  {
    path: '/orders/:orderNo',
    name: 'order',
    component: () => import('./pages/orders/OrderPage.vue'),
    meta: { login: true },
  },
  {
    path: '/orders/:orderNo/pay',
    name: 'scan',
    component: () => import('./pages/paying/ScanPage.vue'),
    meta: { login: true, plain: true },
  },
  {
    path: '/orders/:orderNo/elsewhere',
    name: 'elsewhere',
    component: () => import('./pages/paying/ElsewherePage.vue'),
    // In another browser, this address shows the order to pay.
    beforeEnter: (to) => inMessenger() || { name: 'order', params: { orderNo: String(to.params['orderNo']) } },
    meta: { login: true, plain: true },
  },
  {
    path: '/my/courses',
    name: 'my-courses',
    component: () => import('./pages/courses/MyCoursesPage.vue'),
    meta: { login: true },
  },
  {
    path: '/account/password',
    name: 'password',
    component: () => import('./pages/account/PasswordPage.vue'),
    meta: { login: true, plain: true },
  },
  { path: '/learn/:courseId(\\d+)/:lessonId(\\d+)?', name: 'learn', component: learn, meta: { plain: true } },
  { path: '/:rest(.*)*', name: 'not-found', component: () => import('./pages/NotFoundPage.vue') },
]
