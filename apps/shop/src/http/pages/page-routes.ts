/** Which paths are pages, from the page routers as their build recorded them. Any other path is a 404. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'

/** Written by `apps/web/build.mjs`: a pattern for each path. */
const Routes = Type.Object({ storefront: Type.Array(Type.String()), backOffice: Type.Array(Type.String()) })

export const BACK_OFFICE = /^\/admin(\/|$)/

/** @param folder the folder of the built pages; without recorded routes in it, every path counts as a page */
export function readPageRoutes(folder: string): (path: string) => boolean {
  const file = join(folder, '.routes.json')
  if (!existsSync(file)) return () => true
  const { storefront, backOffice } = Value.Parse(Routes, JSON.parse(readFileSync(file, 'utf8')))
  const [shop, office] = [storefront, backOffice].map((routes) => routes.map((route) => new RegExp(route, 'i')))
  return (path) => {
    const inside = BACK_OFFICE.test(path)
    const [patterns, below] = inside ? [office, path.slice('/admin'.length) || '/'] : [shop, path]
    return patterns?.some((pattern) => pattern.test(below)) ?? false
  }
}
