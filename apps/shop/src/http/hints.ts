/**
 * What a visit's first page will need, said in its HTML, so that a browser fetches all of it at once. Otherwise it learns of
 * one thing from the other: from the entry's script the language and the page, from the page what to ask the server.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { readerLanguage } from '../errors.ts'

/** What the build of the pages wrote down (`apps/web/build.mjs`). */
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

/** Adds to a storefront's entry page what its address and its reader's language will need. */
export type Hint = (html: string, url: string, acceptLanguage: string | undefined) => string

/**
 * @param folder of the built pages; without hints there, the page is left as it is
 * @param picture what the page at a path shows first, where that is known
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
    // What is asked for depends on more than the path where there is a query.
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

/** `crossorigin` as `fetch` asks by default: with the session for our own origin. */
const askTag = (address: string): string => `<link rel="preload" as="fetch" crossorigin href="${address}">`

const pictureTag = (address: string): string => `<link rel="preload" as="image" href="${address}">`
