/**
 * Categories and teachers in one shape for the page that manages both: rows with a few texts, and the actions on them.
 */
import { answer, api } from '../../../src/api/client.ts'
import { language } from '../../../src/i18n.ts'
import { newRequestKey } from '../../../src/request-key.ts'

export const CHOICE_KINDS = ['categories', 'teachers'] as const
export type ChoiceKind = (typeof CHOICE_KINDS)[number]

/** The texts of one, by the API's field names. */
export type ChoiceWords = Readonly<Record<string, string>>

export interface Choice {
  readonly slug: string
  readonly name: string
  readonly note: string
  /** How many courses use it. */
  readonly courses: number
  readonly words: ChoiceWords
}

export interface ChoiceActions {
  /** In the order of the form. */
  readonly fields: readonly {
    readonly name: 'nameZh' | 'nameEn' | 'name' | 'title' | 'bio'
    readonly most: number
    readonly long?: boolean
    readonly optional?: boolean
  }[]
  read(signal: AbortSignal): Promise<Choice[]>
  add(words: ChoiceWords): Promise<unknown>
  edit(slug: string, words: ChoiceWords): Promise<unknown>
  order(slugs: string[]): Promise<unknown>
  remove(slug: string): Promise<unknown>
}

const header = () => ({ 'idempotency-key': newRequestKey() })
const path = (slug: string) => ({ path: { slug } })
const category = ({ nameZh = '', nameEn = '' }: ChoiceWords) => ({ nameZh, nameEn })
const teacher = ({ name = '', title = '', bio = '' }: ChoiceWords) => ({ name, title, bio })

export const CHOICES: Readonly<Record<ChoiceKind, ChoiceActions>> = {
  categories: {
    fields: [
      { name: 'nameZh', most: 40 },
      { name: 'nameEn', most: 40 },
    ],
    async read(signal) {
      const { items } = await answer(api.GET('/api/admin/categories', { signal }))
      return items.map(({ slug, nameZh, nameEn, courses }) => {
        const [name, note] = language() === 'en' ? [nameEn, nameZh] : [nameZh, nameEn]
        return { slug, name, note, courses, words: { nameZh, nameEn } }
      })
    },
    add: (words) => answer(api.POST('/api/admin/categories', { params: { header: header() }, body: category(words) })),
    edit: (slug, words) =>
      answer(api.PUT('/api/admin/categories/{slug}', { params: path(slug), body: category(words) })),
    order: (slugs) => answer(api.PUT('/api/admin/categories-order', { body: { slugs } })),
    remove: (slug) => answer(api.DELETE('/api/admin/categories/{slug}', { params: path(slug) })),
  },
  teachers: {
    fields: [
      { name: 'name', most: 60 },
      { name: 'title', most: 80 },
      { name: 'bio', most: 600, long: true, optional: true },
    ],
    async read(signal) {
      const { items } = await answer(api.GET('/api/admin/teachers', { signal }))
      return items.map(({ slug, name, title, bio, courses }) => {
        return { slug, name, note: title, courses, words: { name, title, bio } }
      })
    },
    add: (words) => answer(api.POST('/api/admin/teachers', { params: { header: header() }, body: teacher(words) })),
    edit: (slug, words) => answer(api.PUT('/api/admin/teachers/{slug}', { params: path(slug), body: teacher(words) })),
    order: (slugs) => answer(api.PUT('/api/admin/teachers-order', { body: { slugs } })),
    remove: (slug) => answer(api.DELETE('/api/admin/teachers/{slug}', { params: path(slug) })),
  },
}
