import { expect, test } from 'vitest'
import { securityHeaders } from './security-headers.ts'

test('a page loads only from its own site and cannot be framed; HSTS is sent only with HTTPS', () => {
  const plain = securityHeaders('http://localhost:8000')
  expect(plain).toMatchObject({
    'content-security-policy':
      "default-src 'self';img-src 'self' data:;style-src 'self';script-src 'self';connect-src 'self';" +
      "media-src 'self';object-src 'none';base-uri 'none';frame-ancestors 'none';form-action 'self'",
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  })
  expect(plain).not.toHaveProperty('strict-transport-security')
  expect(securityHeaders('https://shop.example')['strict-transport-security']).toBe(
    'max-age=31536000; includeSubDomains',
  )
})

test('a gateway learns which shop sent a buyer, and no more', () => {
  expect(securityHeaders('https://shop.example')['referrer-policy']).toBe('strict-origin-when-cross-origin')
})

test('no page may use the camera, the microphone, the location or the browser’s payment API', () => {
  const policy = String(securityHeaders('https://shop.example')['permissions-policy']).split(', ')
  expect(policy).toEqual(
    expect.arrayContaining(['camera=()', 'microphone=()', 'geolocation=()', 'payment=()', 'usb=()']),
  )
  for (const each of policy) expect(each).toMatch(/^[a-z-]+=\(\)$/)
})
