/** Buyers order and pay at two nodes while the primary database is killed and its standby promoted. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Language, REFUSALS } from '../apps/shop/src/errors.ts'
import type { ShopApi } from '../tests/harness/shop-api.ts'
import { until } from '../tests/harness/system.ts'
import { mishaps, type Recorded, recorded, type Tally, tally } from './answers.ts'
import { readGateway, readShop } from './books.ts'
import { checkBooks, type Merchant, type Verdict } from './check.ts'
import { patiently, pause } from './client.ts'
import { makeCourses } from './courses.ts'
import { readMerchants } from './merchants.ts'
import { createRandom, type Random } from './random.ts'
import { settleDown } from './settle-down.ts'
import { startTwoNodes, type TwoNodes } from './two-nodes.ts'
import { untilStopped } from './until-stopped.ts'
import { type Course, choose, comeBack, look, payLink, place, type Visit, yuan } from './visit.ts'

export interface FailoverOptions {
  readonly seed: number
  readonly buyers: number
  /** How long buyers buy before the kill, and after writes are back. */
  readonly loadMs: number
  /** The time from the kill to the promotion: how long an operator takes to notice. */
  readonly noticeMs: number
  readonly haproxy: boolean
  readonly progress: (line: string) => void
}

export interface FailoverReport {
  readonly seed: number
  /** From the kill to the first write that succeeded. */
  readonly writesBackSeconds: number
  /** The part of it after the promotion was requested. */
  readonly afterPromotionSeconds: number
  readonly orders: number
  readonly paid: number
  readonly notificationsAcknowledged: number
  readonly before: readonly Tally[]
  /** From the kill until writes are back. */
  readonly gap: readonly Tally[]
  readonly after: readonly Tally[]
  readonly verdicts: readonly Verdict[]
  /** The folder with the run's data, kept if something broke. */
  readonly folder: string | undefined
}

const WRITES_BACK_LIMIT_MS = 10_000
const LONGEST_ANSWER_MS = 6000
/** How long a node may take to notice that its primary is gone. */
const NOTICED_MS = 1500
/** The pages that the standby must keep serving. */
const PAGES = ['/api/courses', '/api/courses/…', '/api/courses/…/lessons/…', '/api/orders/…', '/healthz'].map(
  (path) => `GET ${path}`,
)

export async function failOver(options: FailoverOptions): Promise<FailoverReport> {
  const { seed, haproxy, progress } = options
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-failover-'))
  const random = createRandom(seed)
  const system = await startTwoNodes(folder, { haproxy })
  let kept = true
  let stopping: Promise<void> | undefined
  const stop = () => (stopping ??= system.stop())
  try {
    const courses = await makeCourses(system, random.fork(), 2000)
    const merchants = await readMerchants(system)
    const bought: Bought = { given: new Set(), seenPaid: new Set(), surprises: [], record: [] }
    const outage = await failOverUnderLoad(system, options, { random, courses, merchants, bought })
    const unheard = await changeIsHeard(system, courses[1])

    progress('everything settles …')
    const { quiet, movedAt } = await settleDown(system, 120_000)
    const shop = await readShop(system)
    await stop()
    const gateway = readGateway(system.dataDir)
    const verdicts = [
      ...checkBooks(shop, gateway, merchants, movedAt),
      { invariant: 'everything settled within the limit', broken: quiet ? [] : ['something was still running'] },
      ...checkOrders(bought, new Map(shop.orders.map((order) => [order.order_no, order.status]))),
      ...checkOutage(bought.record, outage),
      { invariant: 'a change of the catalogue reaches both nodes afterwards', broken: unheard },
      { invariant: 'no buyer got an unexpected answer', broken: bought.surprises },
    ]
    writeFileSync(join(folder, 'output.txt'), system.output())
    kept = verdicts.some(({ broken }) => broken.length > 0)
    const { killed, promoted, back, finished } = outage
    return {
      seed,
      writesBackSeconds: seconds(back - killed),
      afterPromotionSeconds: seconds(back - promoted),
      orders: bought.given.size,
      paid: bought.seenPaid.size,
      notificationsAcknowledged: gateway.acknowledged.length,
      before: tally(bought.record, 0, killed),
      gap: tally(bought.record, killed, back),
      after: tally(bought.record, back, finished),
      verdicts,
      folder: kept ? folder : undefined,
    }
  } finally {
    await stop()
    if (!kept) rmSync(folder, { recursive: true, force: true })
  }
}

/** What the buyers have seen. */
interface Bought {
  /** The numbers of the orders they were given, and of those that they saw paid. */
  readonly given: Set<string>
  readonly seenPaid: Set<string>
  readonly surprises: string[]
  readonly record: Recorded[]
}

/** The moments of the outage, and the refusals in the wrong words during it. */
interface Outage {
  readonly killed: number
  readonly promoted: number
  readonly back: number
  readonly finished: number
  readonly misread: readonly string[]
}

interface Load {
  readonly random: Random
  readonly courses: readonly Course[]
  readonly merchants: readonly Merchant[]
  readonly bought: Bought
}

/** Buyers buy; the primary is killed, the standby promoted; they go on buying for a while. */
async function failOverUnderLoad(system: TwoNodes, options: FailoverOptions, load: Load): Promise<Outage> {
  const { loadMs, noticeMs, progress } = options
  const { record } = load.bought
  const buying = untilStopped((goesOn) =>
    Promise.all(Array.from({ length: options.buyers }, () => keepBuying(system, load, goesOn))),
  )
  const reader = await startReader(system, record, load.courses[0])
  await pause(loadMs)

  progress('kill -9 of the primary')
  const killed = performance.now()
  system.databases.killPrimary()
  await pause(noticeMs)
  const misread = await refusedInWords(system)
  progress('the standby is promoted')
  const promoted = performance.now()
  await system.databases.promoteStandby()
  const seen = () => Promise.resolve(reader.firstWriteAfter(promoted))
  const back = (await until(seen, (at) => at !== undefined, 60_000)) ?? Number.POSITIVE_INFINITY
  progress(`writes are back ${Math.round(back - killed)} ms after the kill`)
  await pause(loadMs)
  await Promise.all([buying.stop(), reader.stop()])
  return { killed, promoted, back, finished: performance.now(), misread }
}

async function keepBuying(system: TwoNodes, load: Load, goesOn: () => boolean): Promise<void> {
  const { record, given, seenPaid, surprises } = load.bought
  const draw = load.random.fork()
  const api = recorded(system.client(), record)
  await register(api)
  const [merchant = { appId: '', sellerId: '' }] = load.merchants
  const visit: Visit = { system, api, staff: api, draw, courses: load.courses, owned: new Set(), surprises, merchant }
  while (goesOn()) {
    await buyOne(visit, given, seenPaid).catch((error) => surprises.push(String(error)))
  }
}

function checkOrders({ given, seenPaid }: Bought, known: ReadonlyMap<string, string>): Verdict[] {
  return [
    { invariant: 'no order that a buyer was given is lost', broken: [...given].filter((no) => !known.has(no)) },
    {
      invariant: 'no payment that a buyer saw is lost',
      broken: [...seenPaid].filter((no) => known.get(no) !== 'paid'),
    },
  ]
}

function checkOutage(record: readonly Recorded[], { killed, promoted, back, misread }: Outage): Verdict[] {
  const noticed = record.filter(({ at, took }) => at - took > killed + NOTICED_MS)
  return [
    {
      invariant: `writes are back within ${WRITES_BACK_LIMIT_MS / 1000} s`,
      broken: back - killed > WRITES_BACK_LIMIT_MS ? [`${Math.round(back - killed)} ms`] : [],
    },
    {
      invariant: 'every request is answered, or refused with 503 and Retry-After',
      broken: mishaps(record),
    },
    {
      invariant: `no request during the outage waits longer than ${LONGEST_ANSWER_MS / 1000} s`,
      broken: record
        .filter(({ at, took }) => at > killed && at - took < back && took > LONGEST_ANSWER_MS)
        .map(({ what, took }) => `${what}: ${Math.round(took)} ms`),
    },
    { invariant: "a refusal is in the client's language", broken: misread },
    {
      invariant: 'no node reports ready while nothing can be written',
      broken: noticed
        .filter(({ at, what, status }) => what === 'GET /readyz' && status === 200 && at < promoted)
        .map(({ at }) => `${Math.round(at - killed)} ms after the kill`),
    },
    {
      invariant: 'pages are served from the standby',
      broken: PAGES.flatMap((page) => missed(page, tally(noticed, 0, back))),
    },
  ]
}

const seconds = (ms: number): number => Math.round(ms) / 1000

/** Once a node has noticed that the primary is gone, pages are requested and never refused. */
function missed(page: string, seen: readonly Tally[]): string[] {
  const { answered = 0, refused = 0 } = seen.find(({ what }) => what === page) ?? {}
  return answered > 0 && refused === 0 ? [] : [`${page}: ${answered} answered, ${refused} refused`]
}

async function register(api: ShopApi): Promise<void> {
  const body = { username: `p${randomUUID().slice(0, 13)}`, password: 'a long password' }
  const { body: answer } = await patiently<{ token?: string }>(api, 'POST', '/api/users', body)
  api.token = answer.token
}

/** One order, paid at once; half of the buyers come back, the others leave it to the notification. */
async function buyOne(visit: Visit, given: Set<string>, seenPaid: Set<string>): Promise<void> {
  const link = await place(visit, choose(visit))
  if (!link) throw new Error('an order was refused')
  given.add(link.orderNo)
  const paid = await payLink(visit, link)
  if (visit.draw.chance(50)) await comeBack(visit, paid)
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await look(visit, link.orderNo)).status === 'paid') {
      seenPaid.add(link.orderNo)
      return
    }
    await pause(200)
  }
}

/** Among thousands of paid courses a page of the list may be empty and only lead to the next. */
async function freeCourse(api: ShopApi): Promise<number> {
  let cursor = ''
  for (;;) {
    const path = `/api/courses?kind=free&limit=1${cursor}`
    const { body } = await patiently<{ items: { id: number }[]; next: string | null }>(api, 'GET', path)
    const [found] = body.items
    if (found) return found.id
    if (body.next === null) throw new Error('there is no free course')
    cursor = `&cursor=${encodeURIComponent(body.next)}`
  }
}

/**
 * A buyer who keeps reading every page and saving their place: shows what can be read in the gap, and when writes are
 * back.
 */
async function startReader(system: TwoNodes, record: Recorded[], bought: Course | undefined) {
  const api = recorded(system.client(), record)
  await register(api)
  const courseId = await freeCourse(api)
  await api.call('POST', `/api/courses/${courseId}/enrolment`)
  const course = await api.call<{ chapters: { lessons: { id: number }[] }[] }>('GET', `/api/courses/${courseId}`)
  const lessonId = course.body.chapters[0]?.lessons[0]?.id ?? 0
  const order = await api.buy([bought?.id ?? 0], yuan(bought?.fen ?? 0))
  const orderNo = order.body.orderNo
  const pages = [
    '/api/courses',
    `/api/courses/${courseId}`,
    `/api/courses/${courseId}/lessons/${lessonId}`,
    `/api/orders/${orderNo}`,
    '/readyz',
    '/healthz',
  ]
  const again = async (goesOn: () => boolean, work: () => Promise<unknown>, everyMs: number) => {
    while (goesOn()) {
      await work().catch(() => {})
      await pause(everyMs)
    }
  }
  const place = `/api/me/courses/${courseId}/place`
  const { stop } = untilStopped((goesOn) =>
    Promise.all([
      ...pages.map((page) => again(goesOn, () => api.call('GET', page), 100)),
      again(goesOn, () => api.call('PUT', place, { lessonId }), 50),
    ]),
  )
  return {
    firstWriteAfter: (moment: number): number | undefined =>
      record.find(({ at, what, status }) => at > moment && status === 204 && what.startsWith('PUT '))?.at,
    stop,
  }
}

/** Without a primary: the refusal of a registration, in both languages, at both nodes. */
async function refusedInWords({ nodes }: TwoNodes): Promise<string[]> {
  const ask = async (node: string, language: string) => {
    const response = await fetch(`${node}/api/users`, {
      method: 'POST',
      headers: { 'accept-language': language, 'content-type': 'application/json' },
      body: JSON.stringify({ username: `p${randomUUID().slice(0, 13)}`, password: 'a long password' }),
    })
    const { title } = (await response.json()) as { title: string }
    const good = response.status === 503 && response.headers.get('retry-after') !== null
    return good && title === REFUSALS.UNAVAILABLE.title[language as Language] ? [] : [`${response.status} ${title}`]
  }
  return (await Promise.all(nodes.flatMap((node) => ['zh-CN', 'en'].map((language) => ask(node, language))))).flat()
}

/** A changed price must show at once on both nodes: each caches its pages and listens for changes. */
async function changeIsHeard({ sql, nodes }: TwoNodes, course: Course | undefined): Promise<string[]> {
  const read = async (node: string) =>
    ((await (await fetch(`${node}/api/courses/${course?.id}`)).json()) as { price: string }).price
  await Promise.all(nodes.map(read))
  await sql('update courses set price_fen = 123456 where id = $1', [course?.id])
  const late = await Promise.all(
    nodes.map((node) =>
      until(
        () => read(node),
        (price) => price === '1234.56',
        3000,
      ).then(
        () => [],
        () => [node],
      ),
    ),
  )
  return late.flat()
}
