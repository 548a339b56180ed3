/**
 * Preload hints in a page's HTML, so that a browser fetches everything the first page needs at once. Without them, it
 * finds the language and the page only in the entry's script, and the API requests only in the page's script.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { readerLanguage } from '../../errors.ts'

/** Written by the build of the pages (`apps/web/build.mjs`). */
const Hints = Type.Object({
  pages: Type.Array(
    Type.Object({
      path: Type.String(),
      files: Type.Array(Type.String()),
      asks: Type.Array(Type.String()),
    }),
  ),
  languages: Type.Object({ 'zh-CN': Type.Array(Type.String()), en: Type.Array(Type.String()) }),
})

/** Adds the hints for an address and a reader's language to a storefront's entry page. */
export type Hint = (html: string, url: string, acceptLanguage: string | undefined) => string

/**
 * @param folder the folder of the built pages; without hints in it, pages are unchanged
 * @param picture the largest image at the top of the page at a path, if known
 */
export function readHints(folder: string, picture: (path: string) => string | undefined): Hint {
  const file = join(folder, '.hints.json')
  if (!existsSync(file)) return (html) => html
  const hints = Value.Parse(Hints, JSON.parse(readFileSync(file, 'utf8')))
  const pages = hints.pages.map((page) => ({ ...page, path: new RegExp(page.path) }))
  return (html, url, acceptLanguage) => {
    const path = url.split('?', 1)[0] ?? url
    const page = pages.find((one) => one.path.test(path))
    const files = [...hints.languages[readerLanguage(acceptLanguage)], ...(page?.files ?? [])]
    // With a query, the page requests something else than the path alone tells.
    const asks = url === path ? (page?.asks ?? []).map((ask) => path.replace(page?.path ?? '', ask)) : []
    const first = url === path && page ? picture(path) : undefined
    const tags = [...files.map(fileTag), ...asks.map(askTag), ...(first ? [pictureTag(first)] : [])].join('\n    ')
    return html.replace('</head>', () => `  ${tags}\n  </head>`)
  }
}

const fileTag = (file: string): string => {
  const kind = file.endsWith('.css') ? 'stylesheet' : 'modulepreload'
  return `<link rel="${kind}" crossorigin href="${file}">`
}

/** `crossorigin` matches `fetch`'s default: with the session for our own origin. */
const askTag = (address: string): string => `<link rel="preload" as="fetch" crossorigin href="${address}">`

const pictureTag = (address: string): string => `<link rel="preload" as="image" href="${address}">`
