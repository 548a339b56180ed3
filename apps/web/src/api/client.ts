/** The shop's API for the pages: typed from the server's OpenAPI document; errors are problems with a code. */
import createClient from 'openapi-fetch'
import { language, preferredLanguage, t } from '../i18n.ts'
import { actingAs, passes } from './gate.ts'
import type { components, paths } from './schema.generated.ts'

type Schemas = components['schemas']
export type User = Schemas['User']
export type Shop = Schemas['Shop']
export type PayMethod = Schemas['PayMethod']
export type PayType = PayMethod['name']
export type Category = Schemas['Category']
export type CourseSummary = Schemas['CourseSummary']
export type CourseDetail = Schemas['CourseDetail']
export type Lesson = Schemas['Lesson']
export type Order = Schemas['Order']
export type Checkout = Schemas['Checkout']
export type OwnedCourse = Schemas['OwnedCourse']
export type AdminOrderRow = Schemas['AdminOrderRow']
export type AdminOrder = Schemas['AdminOrder']
export type Refund = Schemas['Refund']
export type RefundPreview = Schemas['RefundPreview']
export type NotificationRow = Schemas['NotificationRow']
export type Notification = Schemas['Notification']
export type UnmatchedPayment = Schemas['UnmatchedPayment']
export type Reconciliation = Schemas['Reconciliation']
export type Difference = Schemas['Difference']
export type MoneyHealth = Schemas['MoneyHealth']
export type Job = Schemas['Job']
export type AuditLine = Schemas['AuditLine']
export type PaymentSettings = Schemas['PaymentSettings']
export type SettingFinding = Schemas['SettingFinding']
export type TrialPayment = Schemas['TrialPayment']
export type Dashboard = Schemas['Dashboard']
export type AdminCourse = Schemas['AdminCourse']
export type AdminCourseRow = Schemas['AdminCourseRow']
export type AdminLesson = Schemas['AdminLesson']
export type StaffMember = Schemas['StaffMember']
export type Session = Schemas['Session']
export type SecurityEvent = Schemas['SecurityEvent']
export type StudentImport = Schemas['StudentImport']
export type Buyer = Schemas['Buyer']
export type BuyerRow = Schemas['BuyerRow']

/**
 * A refusal or a failure to show on a page. `NETWORK` and `SERVER` are our own codes; all others come from the server.
 */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly code: string
  /** 0 if there was no response. */
  readonly status: number
  readonly detail: string
  readonly errors: readonly { field: string; message: string }[]
  readonly retryAfterSeconds: number | undefined

  constructor(problem: {
    code: string
    status: number
    title: string
    detail: string
    errors?: readonly { field: string; message: string }[]
    retryAfterSeconds?: number | undefined
  }) {
    super(problem.title)
    this.code = problem.code
    this.status = problem.status
    this.detail = problem.detail
    this.errors = problem.errors ?? []
    this.retryAfterSeconds = problem.retryAfterSeconds
  }
}

const MAX_ATTEMPTS = 3

/**
 * Retries a request that the overloaded server refused unprocessed, after the delay it asks for plus a random one, so
 * that clients do not all retry at once.
 */
export async function fetchWithRetry(request: Request): Promise<Response> {
  for (let time = 1; ; time += 1) {
    const response = await fetch(request.clone())
    if (response.status !== 503 || time === MAX_ATTEMPTS) return response
    const problem: unknown = await response
      .clone()
      .json()
      .catch(() => undefined)
    if (!isProblem(problem) || problem.code !== 'OVERLOADED') return response
    const seconds = Number(response.headers.get('retry-after')) + Math.random()
    await new Promise((done) => setTimeout(done, seconds * 1000))
  }
}

/**
 * Like `fetchWithRetry`. If the session has ended or a credential proof is required, retries once the user has dealt with
 * it.
 */
async function fetchThroughGate(request: Request): Promise<Response> {
  const response = await fetchWithRetry(request)
  if (response.status !== 401 && response.status !== 403) return response
  const problem: unknown = await response
    .clone()
    .json()
    .catch(() => undefined)
  return isProblem(problem) && (await passes(problem.code)) ? fetchThroughGate(request) : response
}

export const api = createClient<paths>({ baseUrl: '', fetch: fetchThroughGate })

api.use({
  onRequest({ request }) {
    // Add no header if the browser sends this language anyway: a response that the entry page prefetched is only reused
    // for an identical request.
    if (preferredLanguage(null, navigator.languages) !== language()) request.headers.set('accept-language', language())
    // Requests act as the account that this page shows, even if another one has logged in since in another tab.
    const account = actingAs()
    const counts = request.method !== 'GET' && !request.url.endsWith('/api/session')
    if (account !== undefined && counts) request.headers.set('x-account', String(account))
    return request
  },
})

const loginLost = new Set<() => void>()

/** Registers a callback for when the server reports that the user is not logged in, or no longer. */
export function onLoginLost(callback: () => void): void {
  loginLost.add(callback)
}

interface Answered<Data> {
  readonly data?: Data
  readonly error?: unknown
  readonly response: Response
}

/** The response's data. @throws ApiProblem for a refusal, a failure, or no response at all */
export async function answer<Data>(call: Promise<Answered<Data>>): Promise<Data> {
  const { data, error, response } = await call.catch((cause: unknown) => {
    throw noAnswer(cause)
  })
  if (response.ok) return data as Data
  const problem = readProblem(error, response)
  if (problem.code === 'LOGIN_REQUIRED') for (const callback of loginLost) callback()
  throw problem
}

function noAnswer(cause: unknown): unknown {
  if (cause instanceof DOMException && cause.name === 'AbortError') return cause
  return new ApiProblem({ code: 'NETWORK', status: 0, title: t('error.network'), detail: t('error.networkHint') })
}

/** Reads a refusal. A response that is no problem document (such as a proxy's error page) gets our own texts. */
export function readProblem(error: unknown, response: Pick<Response, 'status' | 'headers'>): ApiProblem {
  const { status } = response
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined
  if (isProblem(error)) {
    const { code, title, detail = '', errors = [] } = error
    return new ApiProblem({ code, status, title, detail, errors, retryAfterSeconds })
  }
  return status >= 500
    ? new ApiProblem({ code: 'SERVER', status, title: t('error.server'), detail: t('error.serverHint') })
    : new ApiProblem({ code: 'UNEXPECTED', status, title: t('error.unexpected'), detail: t('error.unexpectedHint') })
}

function isProblem(error: unknown): error is Partial<Schemas['Problem']> & { code: string; title: string } {
  if (typeof error !== 'object' || error === null) return false
  return 'code' in error && typeof error.code === 'string' && 'title' in error && typeof error.title === 'string'
}

/** Turns anything thrown into a problem to show. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error
  return new ApiProblem({
    code: 'UNEXPECTED',
    status: 0,
    title: t('error.unexpected'),
    detail: t('error.unexpectedHint'),
  })
}
