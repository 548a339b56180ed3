/** Which addresses the internet can reach, and which only a machine or a private network can. */
import { expect, test } from 'vitest'
import { isPublicAddress, isPublicHost } from './public-address.ts'

test.each(['203.0.113.7', '8.8.8.8', '::ffff:8.8.8.8', '2001:db8::1', '172.32.0.1'])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true)
})

test.each([
  ...['127.0.0.1', '127.9.9.9', '::1', '::', '::ffff:127.0.0.1', '10.1.2.3', '172.16.0.1', '172.31.255.255'],
  ...['192.168.1.7', '169.254.1.1', '100.64.0.1', '0.0.0.0', 'fd12::1', 'fe80::1', 'unknown', ''],
])('%s is not public', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

test('hosts of addresses', () => {
  for (const host of ['shop.example.com', 'xn--fiq228c.cn', '203.0.113.7', '[2001:db8::1]', 'Shop.Example.COM.']) {
    expect(isPublicHost(host)).toBe(true)
  }
  for (const host of [
    'localhost',
    'app.localhost',
    'shop',
    'nas.local',
    'shop.lan',
    '[::1]',
    '[fd00::2]',
    '192.168.1.5',
  ]) {
    expect(isPublicHost(host)).toBe(false)
  }
})
