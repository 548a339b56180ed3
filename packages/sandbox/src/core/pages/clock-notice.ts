/**
 * The notice on every page while the sandbox's clock is ahead: a shop on real time then sees its new orders expire
 * early.
 */
import type { Clock } from '../clock.ts'
import { DAY, HOUR, MINUTE } from '../time.ts'
import { type Html, html } from './html.ts'

export type ClockNotice = Readonly<Record<'zh-CN' | 'en', Html>>

/** In both languages; undefined while the clock equals the machine's, to the minute. */
export function clockNotice(clock: Clock): ClockNotice | undefined {
  const ahead = Math.round(clock.offset() / MINUTE) * MINUTE
  if (ahead < MINUTE) return undefined
  const reset = (words: string) => html`<a href="/console/control#reset">${words}</a>`
  return {
    'zh-CN': html`沙箱时钟比本机快 ${lengthOf(ahead, ['天', '小时', '分钟'])}：按真实时间下单的商户，新订单会提前同样长的时间到期，甚至一下单就已到期。${reset('重置')}可把时钟调回。`,
    en: html`The sandbox’s clock is ${lengthOf(ahead, ['days', 'h', 'min'])} ahead of this machine: new orders of a shop on real time expire that much earlier, or at once. ${reset('Reset')} sets it back.`,
  }
}

/** Up to two days in hours: `24 h`, `25 h 30 min`, `15 days`. */
function lengthOf(ahead: number, [days, hours, minutes]: readonly [string, string, string]): string {
  const long = ahead > 2 * DAY
  const parts = [
    [long ? Math.floor(ahead / DAY) : 0, days],
    [Math.floor((long ? ahead % DAY : ahead) / HOUR), hours],
    [long ? 0 : Math.round((ahead % HOUR) / MINUTE), minutes],
  ] as const
  return parts.flatMap(([count, unit]) => (count > 0 ? [`${count} ${unit}`] : [])).join(' ')
}
