/** The pages of the back office about money: health, unmatched payments, reconciliation, notifications, jobs. */
import { describePages } from './back-office-page.ts'

describePages([
  {
    name: 'money health',
    path: () => '/admin/money-health',
    heading: ['资金健康', 'Money health'],
    shows: '[data-check=difference_open]',
  },
  {
    name: 'unmatched payments',
    path: () => '/admin/unmatched-payments',
    heading: ['无主款项', 'Unmatched payments'],
    shows: '[data-testid=unmatched-refund]',
  },
  {
    name: 'settled unmatched payments',
    path: () => '/admin/unmatched-payments?state=resolved',
    heading: ['无主款项', 'Unmatched payments'],
  },
  {
    name: 'reconciliation',
    path: () => '/admin/reconciliation',
    heading: ['对账', 'Reconciliation'],
    shows: 'tbody tr',
  },
  {
    name: 'a reconciled day',
    path: (world) => `/admin/reconciliation/alipay/${world.day}`,
    heading: ['支付宝', 'Alipay'],
    shows: '[data-repair=settle]',
  },
  {
    name: 'a day that was not reconciled',
    path: () => '/admin/reconciliation/alipay/2020-01-01',
    heading: ['这一天还没有核对过', 'This day has not been reconciled'],
  },
  {
    name: 'notifications',
    path: () => '/admin/notifications',
    heading: ['支付通知', 'Notifications'],
    shows: 'tbody tr',
  },
  {
    name: 'a notification',
    path: (world) => `/admin/notifications/${world.refused}`,
    heading: ['通知', 'Notification'],
    shows: '[data-check=signature][data-passed=true]',
  },
  { name: 'dead jobs', path: () => '/admin/jobs', heading: ['后台任务', 'Jobs'], shows: '[data-testid=run-again]' },
  { name: 'waiting jobs', path: () => '/admin/jobs?state=waiting', heading: ['后台任务', 'Jobs'] },
])
