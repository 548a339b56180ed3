/** How the conformance kit creates orders in an unknown shop, and finds out whether they are paid. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { reach } from './reach.ts'

export interface Recipe {
  /**
   * Creates an unpaid order for anything the shop sells; returns its signed GET link to Alipay's gateway, or its WeChat
   * Pay code_url or h5_url.
   */
  order(): Promise<string>
  /** Whether the shop counts an order as paid now. Without it only the shop's answers are checked. */
  isPaid?(outTradeNo: string): Promise<boolean>
}

const run = promisify(execFile)
const LONGEST = 60_000

/**
 * A command that prints a pay link (or a code_url) anywhere in its output, e.g. `php artisan order:create`.
 * Throws if it fails or prints no link.
 */
export function orderByCommand(command: string): () => Promise<string> {
  return async () => {
    const { stdout } = await run('/bin/sh', ['-c', command], { timeout: LONGEST })
    return linkIn(stdout, `the command "${command}"`)
  }
}

/**
 * A command that gets the order's number as `$1` and exits 0 if the order is paid, 1 if it is not.
 * Throws for any other exit code.
 */
export function paidByCommand(command: string): (outTradeNo: string) => Promise<boolean> {
  return async (outTradeNo) => {
    try {
      await run('/bin/sh', ['-c', command, 'sh', outTradeNo], { timeout: LONGEST })
      return true
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 1) return false
      throw error
    }
  }
}

export interface HttpRecipe {
  readonly url: string
  /** POST by default. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A request whose answer contains a pay link: in JSON, in HTML, or as the address of a redirect. */
export function orderByHttp(recipe: HttpRecipe): () => Promise<string> {
  return async () => {
    const { method = 'POST', headers, body } = recipe
    const response = await reach('the order address', recipe.url, {
      method,
      redirect: 'manual',
      ...(headers && { headers }),
      ...(body !== undefined && { body }),
    })
    const text = `${response.headers.get('location') ?? ''}\n${await response.text()}`
    return linkIn(text, `${method} ${recipe.url} (status ${response.status})`)
  }
}

/**
 * A GET request whose address contains `{outTradeNo}`; the order is paid if `pattern` occurs in the answer,
 * e.g. `"status":"paid"`.
 */
export function paidByHttp(
  recipe: Omit<HttpRecipe, 'method' | 'body'>,
  pattern: RegExp,
): (outTradeNo: string) => Promise<boolean> {
  return async (outTradeNo) => {
    const response = await reach(
      'the address that says whether an order is paid',
      recipe.url.replaceAll('{outTradeNo}', encodeURIComponent(outTradeNo)),
      recipe.headers ? { headers: recipe.headers } : {},
    )
    return pattern.test(await response.text())
  }
}

function linkIn(text: string, source: string): string {
  const plain = text.replaceAll('\\/', '/').replaceAll('\\u0026', '&').replaceAll('&amp;', '&')
  const link = LINKS.map((pattern) => pattern.exec(plain)?.[0]).find((found) => found !== undefined)
  if (link === undefined)
    throw new Error(`${source} gave no pay link (an address with /gateway.do?, or weixin://wxpay/bizpayurl?)`)
  return link
}

/** Alipay's link first; then a WeChat Pay code; then a WeChat Pay H5 address. */
const LINKS = [
  /https?:\/\/[^\s"'<>]*\/gateway\.do\?[^\s"'<>]+/,
  /weixin:\/\/wxpay\/bizpayurl[^\s"'<>]+/,
  /https?:\/\/[^\s"'<>]*\/wechat\/h5\?[^\s"'<>]+/,
]

/** Whether an order is paid through WeChat Pay. */
export const isWechatLink = (link: string): boolean => LINKS.slice(1).some((pattern) => pattern.test(link))
