/** The storefront's addresses. Each page is a chunk of its own; `login` marks those that need to know the buyer. */
import type { RouteRecordRaw } from 'vue-router'
import { inMessenger } from './messenger.ts'

declare module 'vue-router' {
  interface RouteMeta {
    /** Only for somebody who is logged in; others are led through the login and back. */
    login?: boolean
    /** A page without distraction: no large footer. */
    plain?: boolean
  }
}

const learn = () => import('./pages/LearnPage.vue')

export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'home', component: () => import('./pages/HomePage.vue') },
  { path: '/free-courses', name: 'free', component: () => import('./pages/FreeCoursesPage.vue') },
  { path: '/search', name: 'search', component: () => import('./pages/SearchPage.vue') },
  { path: '/courses/:id(\\d+)', name: 'course', component: () => import('./pages/CoursePage.vue') },
  { path: '/login', name: 'login', component: () => import('./pages/LoginPage.vue'), meta: { plain: true } },
  { path: '/register', name: 'register', component: () => import('./pages/RegisterPage.vue'), meta: { plain: true } },
  {
    path: '/checkout',
    name: 'checkout',
    component: () => import('./pages/CheckoutPage.vue'),
    meta: { login: true, plain: true },
  },
  {
    path: '/pay/success',
    name: 'pay',
    component: () => import('./pages/PayPage.vue'),
    meta: { login: true, plain: true },
  },
  { path: '/orders', name: 'orders', component: () => import('./pages/OrdersPage.vue'), meta: { login: true } },
  { path: '/orders/:orderNo', name: 'order', component: () => import('./pages/OrderPage.vue'), meta: { login: true } },
  {
    path: '/orders/:orderNo/pay',
    name: 'scan',
    component: () => import('./pages/ScanPage.vue'),
    meta: { login: true, plain: true },
  },
  {
    path: '/orders/:orderNo/elsewhere',
    name: 'elsewhere',
    component: () => import('./pages/ElsewherePage.vue'),
    // Opened in the other browser, it is the order to pay.
    beforeEnter: (to) => inMessenger() || { name: 'order', params: { orderNo: String(to.params['orderNo']) } },
    meta: { login: true, plain: true },
  },
  {
    path: '/my/courses',
    name: 'my-courses',
    component: () => import('./pages/MyCoursesPage.vue'),
    meta: { login: true },
  },
  {
    path: '/account/password',
    name: 'password',
    component: () => import('./pages/PasswordPage.vue'),
    meta: { login: true, plain: true },
  },
  { path: '/learn/:courseId(\\d+)/:lessonId(\\d+)?', name: 'learn', component: learn, meta: { plain: true } },
  { path: '/:rest(.*)*', name: 'not-found', component: () => import('./pages/NotFoundPage.vue') },
]
