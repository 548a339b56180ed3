/** A chart on a canvas that follows what it is given, the light and the language; drawn by Chart.js, only the parts used. */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from 'chart.js'
import { onBeforeUnmount, onMounted, type ShallowRef, watch } from 'vue'
import { language } from '../../src/i18n.ts'

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
)

/** The tokens that charts are drawn in, as they are just now. */
export interface Ink {
  readonly text: string
  readonly ink: string
  readonly line: string
  readonly good: string
  readonly gone: string
}

export type Plan = ChartConfiguration<'bar' | 'line', (number | null)[], string>

/** @param plan what is drawn; what it reads of the page is watched */
export function useChart(canvas: Readonly<ShallowRef<HTMLCanvasElement | null>>, plan: (ink: Ink) => Plan): void {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const still = matchMedia('(prefers-reduced-motion: reduce)')
  let chart: Chart<'bar' | 'line', (number | null)[], string> | undefined

  function draw(): void {
    chart?.destroy()
    if (!canvas.value) return
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string) => style.getPropertyValue(name).trim()
    Chart.defaults.font.family = style.fontFamily
    const wanted = plan({
      text: colour('--soft'),
      ink: colour('--ink'),
      line: colour('--line'),
      good: colour('--jade'),
      gone: colour('--alarm'),
    })
    const animation = still.matches ? false : ({ duration: 180 } as const)
    chart = new Chart(canvas.value, {
      ...wanted,
      options: { ...wanted.options, animation, maintainAspectRatio: false },
    })
  }

  onMounted(() => {
    draw()
    dark.addEventListener('change', draw)
  })
  watch(() => [language(), plan({ text: '', ink: '', line: '', good: '', gone: '' })], draw)
  onBeforeUnmount(() => {
    dark.removeEventListener('change', draw)
    chart?.destroy()
  })
}

/** A height only, of a decimal string: nothing is reckoned with it. */
export const height = (yuan: string): number => Number(yuan)
