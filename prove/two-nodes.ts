/**
 * Two nodes of the shop over two database servers and one sandbox: addressed directly, or behind HAProxy as in
 * `deploy/`.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { connect } from '../apps/shop/src/db/connect.ts'
import { SANDBOX_MERCHANT as ALIPAY } from '../apps/shop/src/payments/providers/alipay/settings.ts'
import { SANDBOX_SERIAL, SANDBOX_MERCHANT as WECHAT } from '../apps/shop/src/payments/providers/wechat/settings.ts'
import { createShopApi } from '../tests/harness/shop-api.ts'
import { freePort, launchShop, openSystem, type System, stopChild, until } from '../tests/harness/system.ts'
import { type StandbyPair, startStandbyPair } from './standby-pair.ts'

export interface TwoNodes extends System {
  /** Each node's own address. */
  readonly nodes: readonly string[]
  readonly databases: StandbyPair
}

const TEMPLATE = join(import.meta.dirname, '../deploy/haproxy.cfg')

/** @param folder is kept when this is stopped: it holds the sandbox's records */
export async function startTwoNodes(folder: string, options: { haproxy: boolean }): Promise<TwoNodes> {
  if (options.haproxy) needHaproxy()
  const stops: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each()
  }
  try {
    const databases = await startStandbyPair(folder)
    stops.push(() => databases.stop())
    const [portA, portB, front] = await Promise.all([freePort(), freePort(), freePort()])
    const [sandboxPort, metricsPort] = await Promise.all([freePort(), freePort()])
    const nodes = [portA, portB].map((port) => `http://127.0.0.1:${port}`)
    const shopUrl = options.haproxy ? `http://127.0.0.1:${front}` : (nodes[0] ?? '')
    const common = {
      DATABASE_URL: databases.url,
      AUTH_SECRET: randomBytes(32).toString('hex'),
      WORKERS: '1',
      LOG_LEVEL: 'error',
      ORDER_TTL_MINUTES: '5',
      ...(options.haproxy && { PUBLIC_URL: shopUrl, TRUST_PROXY: '1' }),
    }
    // The first node starts the sandbox. Both get it as a real gateway, by keys that exist once it has run: nodes with
    // settings of their own would be two merchants, and neither would know the other's payments.
    const brings = {
      ...common,
      PORT: String(portA),
      SANDBOX_PORT: String(sandboxPort),
      METRICS_PORT: String(metricsPort),
    }
    await stopChild((await launchShop({ folder: join(folder, 'a'), environment: brings })).child)
    const gateway = gatewayOf(join(folder, 'a/keys'), sandboxPort)
    const first = await launchShop({
      folder: join(folder, 'a'),
      environment: { ...brings, ...gateway, SANDBOX: 'on' },
    })
    stops.push(() => stopChild(first.child))
    const second = await launchShop({
      folder: join(folder, 'b'),
      environment: { ...common, ...gateway, PORT: String(portB) },
    })
    stops.push(() => stopChild(second.child))
    if (options.haproxy) {
      const balancer = await startHaproxy(join(folder, 'haproxy.cfg'), front, [portA, portB])
      stops.push(() => stopChild(balancer))
    }
    const connection = connect(databases.url, 4)
    stops.push(() => connection.close())
    let turn = 0
    const place = {
      shopUrl,
      sandboxUrl: `http://127.0.0.1:${sandboxPort}`,
      metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
      dataDir: join(folder, 'a'),
    }
    return {
      ...openSystem(place, stop),
      nodes,
      databases,
      process: first.child,
      output: () => first.output() + second.output(),
      client: () => createShopApi(options.haproxy ? shopUrl : (nodes[turn++ % 2] ?? '')),
      sql: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
        (await connection.pool.query<Row>(text, values)).rows,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The sandbox's two merchants as environment settings. */
function gatewayOf(keys: string, port: number): Record<string, string> {
  return {
    SANDBOX: 'off',
    ALIPAY_GATEWAY: `http://127.0.0.1:${port}/gateway.do`,
    ALIPAY_APP_ID: ALIPAY.appId,
    ALIPAY_SELLER_ID: ALIPAY.sellerId,
    ALIPAY_PRIVATE_KEY_FILE: join(keys, 'alipay/app_private_key.pem'),
    ALIPAY_PUBLIC_KEY_FILE: join(keys, 'alipay/alipay_public_key.pem'),
    WECHATPAY_BASE_URL: `http://127.0.0.1:${port}`,
    WECHATPAY_MCH_ID: WECHAT.mchId,
    WECHATPAY_APP_ID: WECHAT.appId,
    WECHATPAY_SERIAL_NO: SANDBOX_SERIAL,
    WECHATPAY_PRIVATE_KEY_FILE: join(keys, 'wechat/merchant_private_key.pem'),
    WECHATPAY_API_V3_KEY_FILE: join(keys, 'wechat/api_v3_key'),
    WECHATPAY_PUBLIC_KEY_FILE: join(keys, 'wechat/wechatpay_public_key.pem'),
    WECHATPAY_PUBLIC_KEY_ID: readFileSync(join(keys, 'wechat/wechatpay_public_key_id'), 'utf8').trim(),
  }
}

/** `deploy/haproxy.cfg` with this run's addresses. */
async function startHaproxy(file: string, port: number, nodes: readonly number[]): Promise<ChildProcess> {
  const servers = nodes.map((node, index) => `  server ${'ab'[index]} 127.0.0.1:${node}`)
  let written = readFileSync(TEMPLATE, 'utf8').replace('bind :80\n', `bind 127.0.0.1:${port}\n`)
  written = written.replace(/(?: {2}server \w+ [\d.:]+\n)+/, `${servers.join('\n')}\n`)
  // All buyers of this proof come from one address.
  written = written.replace(/^.* # by address\n/gm, '')
  for (const needed of [`bind 127.0.0.1:${port}`, ...servers]) {
    if (!written.includes(needed))
      throw new Error('deploy/haproxy.cfg does not match the template that this proof expects')
  }
  writeFileSync(file, written)
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' })
  const alive = () => fetch(`http://127.0.0.1:${port}/healthz`).then(({ status }) => status, String)
  await until(alive, (status) => status === 200)
  return child
}

function needHaproxy(): void {
  const present = () => spawnSync('haproxy', ['-v'], { stdio: 'ignore' }).status === 0
  if (present()) return
  try {
    execFileSync('apt-get', ['install', '-y', '-q', 'haproxy'], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch {
    // Reported below.
  }
  if (!present()) {
    throw new Error(
      'HAProxy is not installed, and apt-get could not install it. Install it, or use --direct to run without it.',
    )
  }
}
