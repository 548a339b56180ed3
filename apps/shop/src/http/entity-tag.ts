/** Entity tags (RFC 9110, 8.8.3). */
import type { FastifyRequest } from 'fastify'

/** Whether `If-None-Match` names this tag: the browser already has this content. */
export function hasAlready({ headers }: FastifyRequest, tag: string): boolean {
  const known = headers['if-none-match']
  if (known === undefined) return false
  return known.trim() === '*' || known.split(',').some((each) => each.trim().replace(/^W\//, '') === tag)
}
