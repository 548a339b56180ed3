/** The security headers of every answer: where pages may load from, that no site may frame them, and the like. */
import type { OutgoingHttpHeaders } from 'node:http'

/** No 'unsafe-inline' anywhere: our pages have no inline styles or scripts. */
const CONTENT_POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "media-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'",
].join(';')

/** Browser features that our pages never use, so injected code cannot use them either. Videos may go full screen. */
const PERMISSIONS_POLICY = [
  'accelerometer',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'hid',
  'idle-detection',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'serial',
  'usb',
  'xr-spatial-tracking',
]
  .map((feature) => `${feature}=()`)
  .join(', ')

const YEAR_SECONDS = 365 * 24 * 3600

/** The headers of every answer of a shop that buyers reach at `publicUrl`. */
export function securityHeaders(publicUrl: string): OutgoingHttpHeaders {
  return {
    'content-security-policy': CONTENT_POLICY,
    'permissions-policy': PERMISSIONS_POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'origin-agent-cluster': '?1',
    // Other sites learn which shop a buyer came from, but not which order. A phone payment page refuses a buyer without
    // it.
    'referrer-policy': 'strict-origin-when-cross-origin',
    'x-content-type-options': 'nosniff',
    'x-dns-prefetch-control': 'off',
    // For browsers without frame-ancestors.
    'x-frame-options': 'DENY',
    'x-permitted-cross-domain-policies': 'none',
    ...(publicUrl.startsWith('https:') && {
      'strict-transport-security': `max-age=${YEAR_SECONDS}; includeSubDomains`,
    }),
  }
}
