/** How the conformance kit gets fresh orders from a shop it knows nothing about, and learns what became of them. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface Recipe {
  /** Makes an order that nobody has paid, for a course, a thing, whatever the shop sells; its signed GET link to Alipay's gateway, or its code_url or h5_url of WeChat Pay. */
  order(): Promise<string>
  /** Whether the shop counts an order as paid now. Without it only the shop's answers are judged. */
  isPaid?(outTradeNo: string): Promise<boolean>
}

const run = promisify(execFile)
const LONGEST = 60_000

/**
 * A command that prints a pay link (or a code_url) somewhere in what it writes, e.g. `php artisan order:create`.
 * Throws where it fails or prints no link.
 */
export function orderByCommand(command: string): () => Promise<string> {
  return async () => {
    const { stdout } = await run('/bin/sh', ['-c', command], { timeout: LONGEST })
    return linkIn(stdout, `the command "${command}"`)
  }
}

/**
 * A command that is given the order's number as `$1` and exits 0 where the order is paid, 1 where it is not.
 * Throws where it exits with anything else.
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
  /** POST where absent. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A request whose answer has a pay link somewhere in it: in JSON, in HTML, or as the address of a redirect. */
export function orderByHttp(recipe: HttpRecipe): () => Promise<string> {
  return async () => {
    const { method = 'POST', headers, body } = recipe
    const response = await fetch(recipe.url, {
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
 * A GET request whose address holds `{outTradeNo}`; paid where `pattern` occurs in what it answers,
 * e.g. `"status":"paid"`.
 */
export function paidByHttp(
  recipe: Omit<HttpRecipe, 'method' | 'body'>,
  pattern: RegExp,
): (outTradeNo: string) => Promise<boolean> {
  return async (outTradeNo) => {
    const response = await fetch(
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

/** Alipay's first; a code of WeChat Pay; an H5 address of WeChat Pay. */
const LINKS = [
  /https?:\/\/[^\s"'<>]*\/gateway\.do\?[^\s"'<>]+/,
  /weixin:\/\/wxpay\/bizpayurl[^\s"'<>]+/,
  /https?:\/\/[^\s"'<>]*\/wechat\/h5\?[^\s"'<>]+/,
]

/** Whether an order is paid through WeChat Pay. */
export const isWechatLink = (link: string): boolean => LINKS.slice(1).some((pattern) => pattern.test(link))
