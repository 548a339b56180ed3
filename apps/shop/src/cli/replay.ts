/** `xuecheng notifications replay ID`: processes a stored notification again. */
import { auditCommand } from '../admin/audit.ts'
import { type Command, UsageError } from '../command.ts'
import { replayNotification } from '../payments/notifications/replay.ts'
import { withShop } from './database.ts'

export const replay: Command = {
  usage: 'ID',
  summary: 'Replays a stored notification; exits with 1 if it is refused',
  options: {},
  async run({ config, positionals }) {
    const [text = ''] = positionals
    if (!/^[1-9]\d{0,15}$/.test(text))
      throw new UsageError("which one? Give the notification's ID, as the inbox shows it")
    return withShop(config, async (shop) => {
      const verdict = await replayNotification(shop.payments, Number(text), 'command line', auditCommand)
      const checks = verdict.checks.map(({ check, passed, detail }) => {
        return `  ${passed ? 'passed' : 'FAILED'} ${check}${detail ? `: ${detail}` : ''}`
      })
      const why = verdict.reason === null ? '' : `, ${verdict.reason}`
      const head = `${verdict.accepted ? 'accepted' : 'refused'}: ${verdict.effect}${why}`
      return { text: [head, ...checks].join('\n'), data: verdict, exitCode: verdict.accepted ? 0 : 1 }
    })
  },
}
