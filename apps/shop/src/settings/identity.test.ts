/** The shop's name appears in pages as text and never as markup; a logo's type is decided by its bytes. */
import { expect, test } from 'vitest'
import { imageType, injectMetadata } from './identity.ts'

const page = '<head><link rel="icon" type="image/svg+xml" href="/favicon.svg" /><title>学城</title></head>'
const identity = {
  names: { zh: '墨香<script>alert(1)</script>', en: 'Ink "& Co" $& $1' },
  contact: { text: '', phone: '', email: '', chatId: '' },
  icp: '京ICP备 1 号',
  logo: null,
}

test('a name with special characters stays text', () => {
  const dressed = injectMetadata(page, identity)
  expect(dressed).toContain('<title>墨香&lt;script&gt;alert(1)&lt;/script&gt;</title>')
  expect(dressed).not.toContain('<script>')
  expect(dressed).toContain('$&amp; $1')
  expect(dressed).toContain('/favicon.svg')
  expect(injectMetadata(page, { ...identity, logo: '/api/shop/logo/ab' })).toContain(
    '<link rel="icon" href="/api/shop/logo/ab" />',
  )
})

test('the back office keeps its own title', () => {
  expect(injectMetadata('<title>学城后台</title></head>', identity)).toContain('<title>学城后台</title>')
})

test('the type of a picture is decided by its first bytes', () => {
  expect(imageType(Buffer.from('89504e470d0a1a0a00', 'hex'))).toBe('image/png')
  expect(imageType(Buffer.from('ffd8ffe000', 'hex'))).toBe('image/jpeg')
  expect(imageType(Buffer.from('RIFF\0\0\0\0WEBPVP8 '))).toBe('image/webp')
  expect(imageType(Buffer.from('<svg onload="alert(1)">'))).toBeUndefined()
  expect(imageType(Buffer.from('RIFF\0\0\0\0WAVE'))).toBeUndefined()
})
