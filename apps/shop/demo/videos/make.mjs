/** Draws the two demo videos frame by frame in Chromium and joins them with ffmpeg: `node make.mjs` in this folder. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const RATE = 8
const SECONDS = 16
const between = (t, from, to) => Math.min(1, Math.max(0, (t - from) / (to - from)))
const text = (x, y, size, fill, words, anchor = 'middle') =>
  `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}" text-anchor="${anchor}">${words}</text>`
const frame = (body) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720" font-family="Noto Sans CJK SC,sans-serif">` +
  `<rect width="1280" height="720" fill="#FBFAF7"/>${body}</svg>`

const numbers = [3, 8, 12, 17, 23, 31, 42, 56, 64, 71]
const steps = [
  { lo: 0, hi: 10, mid: 5, say: '正中是 31，比 42 小：它和左边都不可能，lo = mid + 1' },
  { lo: 6, hi: 10, mid: 8, say: '正中是 64，不小于 42：它或许是答案，hi = mid' },
  { lo: 6, hi: 8, mid: 7, say: '正中是 56，不小于 42：hi = mid' },
  { lo: 6, hi: 7, mid: 6, say: '正中是 42，不小于 42：hi = mid' },
  { lo: 6, hi: 6, mid: -1, say: 'lo = hi = 6，停下；a[6] 正是 42。四步找到' },
]

function binarySearch(t) {
  const step = steps[Math.min(4, Math.floor(t / 3.2))]
  const cells = numbers.map((n, i) => {
    const inside = i >= step.lo && i < step.hi
    const found = step.mid === -1 && i === 6
    const fill = found ? '#1F6F5C' : i === step.mid ? '#1F3A44' : inside ? '#DCE5E4' : '#F3F1EB'
    const ink = found || i === step.mid ? '#FBFAF7' : inside ? '#1C1B19' : '#8C887F'
    const x = 95 + i * 110
    return (
      `<rect x="${x}" y="290" width="100" height="100" rx="6" fill="${fill}"/>` +
      text(x + 50, 355, 38, ink, n) +
      text(x + 50, 425, 20, '#5B5852', i)
    )
  })
  const mark = (at, y, word) =>
    `<path d="M${95 + at * 110 - 5} ${y}v-50" stroke="#5B5852" stroke-width="3"/>` +
    text(95 + at * 110 - 5, y + 28, 24, '#5B5852', word)
  return frame(
    text(640, 120, 44, '#1C1B19', '二分查找：在有序数组里找 42') +
      text(640, 200, 26, '#5B5852', '每一步，只留下 [lo, hi) 这一段') +
      cells.join('') +
      mark(step.lo, 490, step.lo === step.hi ? 'lo = hi' : 'lo') +
      (step.lo === step.hi ? '' : mark(step.hi, 490, 'hi')) +
      text(640, 620, 32, '#1C1B19', step.say),
  )
}

const scenes = [
  { f: 'f/8', s: '1/60', iso: '200', blur: 0, move: 26, noise: 0, say: '起点：前后都清楚，走动的人拖影' },
  {
    f: 'f/4',
    s: '1/250',
    iso: '200',
    blur: 9,
    move: 6,
    noise: 0,
    say: '光圈大两档，快门快两档：亮度不变，人凝固，背景虚化',
  },
  {
    f: 'f/8',
    s: '1/250',
    iso: '200',
    blur: 0,
    move: 6,
    noise: 0,
    dark: 0.6,
    say: '回到起点，这次只把快门加快两档：人凝固，画面暗了两档',
  },
  { f: 'f/8', s: '1/250', iso: '800', blur: 0, move: 6, noise: 0.35, say: '再用 ISO 补两档：亮度回来了，噪点也来了' },
]

function exposure(t) {
  const at = Math.min(3, Math.floor(t / 4))
  const now = scenes[at]
  const before = scenes[Math.max(0, at - 1)]
  // The third scene starts again from the first, so its dials are compared with that one.
  const compared = at === 2 ? scenes[0] : before
  const k = between(t - at * 4, 0, 0.75)
  const mix = (name) => (before[name] ?? 0) * (1 - k) + (now[name] ?? 0) * k
  const dial = (x, label, value, old) =>
    text(x, 560, 24, '#5B5852', label) + text(x, 608, 40, value === old ? '#1C1B19' : '#1F6F5C', value)
  return frame(
    `<defs><filter id="b" x="-10%" y="-10%" width="120%" height="120%"><feGaussianBlur stdDeviation="${mix('blur')}"/></filter>` +
      `<filter id="m" x="-100%" width="300%" y="-20%" height="140%"><feGaussianBlur stdDeviation="${mix('move')} 0"/></filter>` +
      `<filter id="n"><feTurbulence type="fractalNoise" baseFrequency="0.5" seed="3"/><feColorMatrix values="3 0 0 0 -1 3 0 0 0 -1 3 0 0 0 -1 0 0 0 0 1"/></filter>` +
      `<clipPath id="c"><rect x="290" y="110" width="700" height="380"/></clipPath></defs>` +
      text(640, 75, 38, '#1C1B19', '曝光三要素：每换一档，都有副作用') +
      `<g clip-path="url(#c)"><g filter="url(#b)"><rect x="230" y="50" width="820" height="500" fill="#DCE5E4"/>` +
      `<path d="M210 490l230-260 130 130 160-190 348 320v20h-868z" fill="#6E9595"/><circle cx="850" cy="180" r="36" fill="#C78B5A"/></g>` +
      `<rect x="290" y="420" width="700" height="70" fill="#B59A5B"/>` +
      `<g filter="url(#m)"><circle cx="640" cy="285" r="34" fill="#2B2E33"/><path d="M600 440v-70a40 44 0 0 1 80 0v70z" fill="#4A2F27"/></g>` +
      `<rect x="290" y="110" width="700" height="380" filter="url(#n)" opacity="${mix('noise')}" style="mix-blend-mode:overlay"/>` +
      `<rect x="290" y="110" width="700" height="380" fill="#000" opacity="${mix('dark')}"/></g>` +
      dial(400, '光圈', now.f, compared.f) +
      dial(640, '快门（秒）', now.s, compared.s) +
      dial(880, 'ISO', now.iso, compared.iso) +
      text(640, 675, 28, '#1C1B19', now.say),
  )
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
const page = await browser.newPage({ viewport: { width: 1280, height: 720 } })
for (const [name, draw] of [
  ['binary-search', binarySearch],
  ['exposure-triangle', exposure],
]) {
  const folder = mkdtempSync(join(tmpdir(), 'frames-'))
  let last = ''
  let shot
  for (let n = 0; n < SECONDS * RATE; n++) {
    const svg = draw(n / RATE)
    if (svg !== last) {
      await page.setContent(`<body style="margin:0">${svg}`)
      shot = await page.screenshot()
    }
    last = svg
    writeFileSync(join(folder, `${String(n).padStart(4, '0')}.png`), shot)
  }
  execFileSync('ffmpeg', [
    '-y',
    '-loglevel',
    'error',
    '-framerate',
    `${RATE}`,
    '-i',
    join(folder, '%04d.png'),
    '-c:v',
    'libx264',
    '-pix_fmt',
    'yuv420p',
    '-crf',
    '27',
    '-r',
    '24',
    '-movflags',
    '+faststart',
    join(import.meta.dirname, `${name}.mp4`),
  ])
  rmSync(folder, { recursive: true })
}
await browser.close()
