/** What the person who typed `npm start` reads. */
import { DEMO_ACCOUNTS } from './accounts/demo.ts'
import { type Config, sandboxAddress } from './config.ts'

export function printBanner(config: Config, milliseconds: number): void {
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
  if (config.demo) {
    for (const { username, password, role } of DEMO_ACCOUNTS) {
      lines.push(`  Demo ${role.padEnd(11)} ${username} / ${password}`)
    }
  }
  lines.push(`  Data 数据        ${config.dataDir}`, '', '  Ctrl-C stops everything. 按 Ctrl-C 停止。', '')
  process.stdout.write(`${lines.join('\n')}\n`)
}
