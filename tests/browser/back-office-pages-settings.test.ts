/** The pages of the back office about settings, staff and the audit log. */
import { describePages } from './back-office-page.ts'

describePages([
  {
    name: 'the shop’s settings',
    path: () => '/admin/settings/shop',
    heading: ['店铺信息', 'Shop profile'],
    shows: '[name=nameZh]',
  },
  {
    name: 'payment keys',
    path: () => '/admin/settings/payments',
    heading: ['支付密钥', 'Payment keys'],
    shows: '[data-method=alipay]',
  },
  {
    name: 'trial payments',
    path: () => '/admin/settings/trial',
    heading: ['试付一分钱', 'Trial payment'],
    shows: '[data-testid=trial-start]',
  },
  { name: 'the staff', path: () => '/admin/staff', heading: ['员工', 'Staff'], shows: '[data-right] td' },
  {
    name: 'one of the staff',
    path: (world) => `/admin/staff/${world.member}`,
    heading: ['王会计', '王会计'],
    shows: '[data-testid=staff-role]',
  },
  {
    name: 'one’s own account',
    path: () => '/admin/profile',
    heading: ['我的账号', 'My account'],
    shows: 'tbody tr',
  },
  { name: 'the audit log', path: () => '/admin/audit', heading: ['操作日志', 'Audit log'], shows: 'tbody tr' },
  { name: 'an unknown address', path: () => '/admin/no/such/page', heading: ['没有这一页', 'Page not found'] },
])
