/**
 * A Chart.js chart on a canvas that follows its data, the colour scheme and the language. Imports only the parts of
 * Chart.js in use.
 */
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
import { language } from '../../../src/i18n.ts'

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

/** The current values of the colour tokens. */
export interface Ink {
  readonly text: string
  readonly ink: string
  readonly line: string
  readonly good: string
  readonly gone: string
}

export type Plan = ChartConfiguration<'bar' | 'line', (number | null)[], string>

/** @param plan returns the chart's configuration; its reactive dependencies are watched */
export function useChart(canvas: Readonly<ShallowRef<HTMLCanvasElement | null>>, plan: (ink: Ink) => Plan): void {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const still = matchMedia('(prefers-reduced-motion: reduce)')
  let chart: Chart<'bar' | 'line', (number | null)[], string> | undefined

  function draw(): void {
    chart?.destroy()
    if (!canvas.value) return
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string) => style.getPropertyValue(name).trim()
    // Use the body's font: the root element has the browser's default.
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily
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

/** A bar's height from a decimal string; never used for calculations. */
export const height = (yuan: string): number => Number(yuan)
