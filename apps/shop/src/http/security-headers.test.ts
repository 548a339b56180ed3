import { expect, test } from 'vitest'
import { securityHeaders } from './security-headers.ts'

test('a page loads only from here and is in nobody’s frame; HTTPS is insisted on only where there is HTTPS', () => {
  const plain = securityHeaders('http://localhost:8000')
  expect(plain).toMatchObject({
    'content-security-policy':
      "default-src 'self';img-src 'self' data:;style-src 'self' 'unsafe-inline';script-src 'self';connect-src 'self';" +
      "media-src 'self';object-src 'none';base-uri 'self';frame-ancestors 'none';form-action 'self'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
  expect(plain).not.toHaveProperty('strict-transport-security')
  expect(securityHeaders('https://shop.example')).toHaveProperty('strict-transport-security')
})
