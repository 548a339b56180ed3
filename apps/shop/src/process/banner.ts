/** What `npm start` prints for the operator. */
import { DEMO_ACCOUNTS } from '../auth/passwords/demo-passwords.ts'
import { type Config, sandboxAddress } from '../config.ts'
import { isLoopbackHost } from '../live.ts'

/** The state of the shop at its start, from the database. */
export interface StartState {
  readonly live: boolean
  /** Set while a live shop has no owner who can log in. */
  readonly firstRunCode: string | undefined
  /** There is a proxy in front that the settings do not know. */
  readonly unknownProxy: boolean
}

/** @param databaseRunsAs set if the embedded server runs under another account than the shop */
export function printBanner(
  config: Config,
  { live, firstRunCode, unknownProxy }: StartState,
  milliseconds: number,
  databaseRunsAs?: string,
): void {
  const lines = [
    '',
    `  学城 Xuecheng is up (${(milliseconds / 1000).toFixed(1)} s, ${config.workers} server processes)`,
    '',
    `  Shop 商店        ${config.publicUrl}`,
    `  Back office 后台 ${config.publicUrl}/admin`,
    `  API 文档         ${config.publicUrl}/api/docs`,
  ]
  if (config.sandbox.enabled) {
    lines.push(`  Sandbox 沙箱     ${sandboxAddress(config)}`)
    lines.push('  Sandbox buyer    buyer@sandbox.example / 111111, payment password 111111')
  }
  if (config.demo && !live) {
    for (const { username, password, role } of DEMO_ACCOUNTS) {
      lines.push(`  Demo ${role.padEnd(11)} ${username} / ${password}`)
    }
    if (!isLoopbackHost(config.host) && !config.demoByName) {
      lines.push('                   demo passwords work on this machine only; DEMO=on allows them everywhere')
    }
  }
  if (firstRunCode) {
    lines.push(
      '',
      '  This shop is live and has no owner yet. 商店尚无店主。Create one within 24 hours 请在 24 小时内创建：',
      `    ${config.publicUrl}/admin/first-run#${firstRunCode}`,
      `    code 代码 ${firstRunCode}, or npx xuecheng users create --staff owner --username NAME`,
      '',
    )
  }
  if (unknownProxy) {
    lines.push(
      '',
      '  Unconfigured proxy in front 未配置的反向代理: all visitors share the limits of one address. Set TRUST_PROXY (now',
      `  ${config.trustedProxies}) to the number of proxies. 请把 TRUST_PROXY 设为代理的层数。`,
      '',
    )
  }
  lines.push(`  Data 数据        ${config.dataDir}`)
  if (databaseRunsAs) lines.push(`  Database 数据库  ${config.dataDir}/postgres, ${databaseRunsAs}`)
  lines.push('', '  Ctrl-C stops everything. 按 Ctrl-C 停止。', '')
  process.stdout.write(`${lines.join('\n')}\n`)
}
