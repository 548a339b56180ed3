/**
 * The login cookies. Over https their names start with `__Host-`: no other host of the domain can set or overwrite
 * them.
 */
import type { FastifyReply } from 'fastify'
import { DEVICE_COOKIE_SECONDS } from './known-device.ts'

export interface CookieNames {
  readonly session: string
  /** Identifies the device (`known-device.ts`). */
  readonly device: string
}

const isSecure = (publicUrl: string): boolean => publicUrl.startsWith('https:')

export const cookieNames = (publicUrl: string): CookieNames =>
  isSecure(publicUrl)
    ? { session: '__Host-session', device: '__Host-device' }
    : { session: 'xuecheng_session', device: 'xuecheng_device' }

/** The attributes that `__Host-` requires: the whole site, no domain, and `secure` with https. */
const attributes = (publicUrl: string) =>
  ({ path: '/', httpOnly: true, sameSite: 'lax', secure: isSecure(publicUrl) }) as const

export const setSessionCookie = (reply: FastifyReply, publicUrl: string, token: string, expires: Date): FastifyReply =>
  reply.setCookie(cookieNames(publicUrl).session, token, { ...attributes(publicUrl), expires })

export const clearSessionCookie = (reply: FastifyReply, publicUrl: string): FastifyReply =>
  reply.clearCookie(cookieNames(publicUrl).session, attributes(publicUrl))

export const setDeviceCookie = (reply: FastifyReply, publicUrl: string, device: string): FastifyReply =>
  reply.setCookie(cookieNames(publicUrl).device, device, { ...attributes(publicUrl), maxAge: DEVICE_COOKIE_SECONDS })
