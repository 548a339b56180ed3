/** The page for the subject of an audit entry: "orders/0199…" links to that order. */
import type { RouteLocationRaw } from 'vue-router'

type Page = (first: string, second: string) => RouteLocationRaw | undefined

/** Subjects without a page of their own link to their list. */
const PAGES: Readonly<Record<string, Page>> = {
  orders: (orderNo) => (orderNo ? { name: 'order', params: { orderNo } } : { name: 'orders' }),
  refunds: () => ({ name: 'refunds' }),
  buyers: (id) => ({ name: 'buyer', params: { id } }),
  staff: (id) => ({ name: 'staff-member', params: { id } }),
  courses: (id) => ({ name: 'course', params: { id } }),
  categories: () => ({ name: 'categories' }),
  teachers: () => ({ name: 'teachers' }),
  imports: (id) => ({ name: 'import', params: { id } }),
  notifications: (id) => ({ name: 'notification', params: { id } }),
  unmatched: () => ({ name: 'unmatched' }),
  reconciliations: (provider, day) => (day ? { name: 'day', params: { provider, day } } : undefined),
  differences: () => ({ name: 'reconciliation' }),
  jobs: () => ({ name: 'jobs' }),
  'trial-payments': (number) => ({ name: 'trial', query: { number } }),
  'payment-settings': () => ({ name: 'keys' }),
  settings: () => ({ name: 'shop' }),
}

export function pageOf(subject: string): RouteLocationRaw | undefined {
  const [kind = '', first = '', second = ''] = subject.split('/')
  return PAGES[kind]?.(first, second)
}
