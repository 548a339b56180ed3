/** What table cells are made of. Empty parts are left out. */
import { h, type VNode } from 'vue'
import { type RouteLocationRaw, RouterLink } from 'vue-router'
import { tAdmin } from '../../../words.ts'

export type Cell = VNode | string | number | false | null | undefined

/** Lines below each other. @param data attributes for tests */
export const stack = (lines: readonly Cell[], data: Record<string, string | number> = {}): VNode =>
  h('div', { class: 'stack', ...data }, lines.filter(Boolean))

/** An amount with smaller lines below it. */
export const sum = (lines: readonly Cell[]): VNode => h('span', { class: 'sum' }, lines.filter(Boolean))

export const span = (classes: string, content: string | number): VNode => h('span', { class: classes }, content)
export const strong = (content: string, classes = ''): VNode => h('strong', { class: classes }, content)
/** A second, less important line. */
export const small = (content: string): VNode => span('soft small', content)

/** @param classes `number` keeps a number on one line, `mono` lets it wrap, `person` cuts a long name */
export const link = (to: RouteLocationRaw, content: Cell | readonly VNode[], classes = ''): VNode =>
  h(RouterLink, { to, class: classes }, () => content)

export const orderLink = (orderNo: string, classes = 'number'): VNode =>
  link({ name: 'order', params: { orderNo } }, orderNo, classes)

/** The notifications that name this number. */
export const numberLink = (no: string): VNode => link({ name: 'notifications', query: { q: no } }, no, 'mono')

/** Whether a notification was taken as the gateway's. */
export const verdict = ({ accepted }: { accepted: boolean }): VNode =>
  strong(tAdmin(accepted ? 'notifications.accepted' : 'notifications.refused'), `keep ${accepted ? 'good' : 'bad'}`)

/** @param of what the button acts on, for screen readers */
export const button = (
  content: string,
  of: string,
  press: () => void,
  attributes: Record<string, unknown> = {},
): VNode =>
  h('button', { type: 'button', class: 'button tight', onClick: press, ...attributes }, [
    content,
    span('unseen', ` ${of}`),
  ])
