/** The result of each row of an import, and the one-time passwords, as CSV files. */
import type { Database } from '../../db/connect.ts'
import { csvHead, csvLine } from '../../http/csv.ts'
import type { NewAccount } from './imports.ts'

const PAGE = 1000

const WORDS = {
  accountMade: '新建 made',
  accountThere: '已有 already there',
  granted: '已开通 granted',
  owned: '原已拥有 already owned',
  waiting: '未处理 not done',
  failed: '未成功 failed',
}
const REASONS: Readonly<Record<string, string>> = {
  IS_STAFF: '员工账号 an account of the staff',
  ACCOUNT_GONE: '账号已改名 the account changed meanwhile',
}

/** The rows as in the file, without passwords, streamed. */
export async function* exportResult(db: Database, importId: number): AsyncGenerator<string> {
  yield csvHead([
    '行 Line',
    '用户名 Username',
    '昵称 Name',
    '课程 Course',
    '账号 Account',
    '结果 Result',
    '原因 Reason',
  ])
  for (let after = 0; ; ) {
    const rows = await db
      .selectFrom('import_rows')
      .innerJoin('courses', 'courses.id', 'import_rows.course_id')
      .select(['line', 'username', 'display_name', 'courses.title', 'state', 'account_made', 'granted', 'problem'])
      .where('import_id', '=', importId)
      .where('line', '>', after)
      .orderBy('line')
      .limit(PAGE)
      .execute()
    yield rows
      .map((row) => {
        const account = row.state !== 'done' ? '' : row.account_made ? WORDS.accountMade : WORDS.accountThere
        const result = row.state !== 'done' ? WORDS[row.state] : row.granted ? WORDS.granted : WORDS.owned
        const reason = REASONS[row.problem ?? ''] ?? ''
        return csvLine([String(row.line), row.username, row.display_name, row.title, account, result, reason])
      })
      .join('')
    const last = rows.at(-1)
    if (!last || rows.length < PAGE) return
    after = last.line
  }
}

export const passwordFile = (accounts: readonly NewAccount[]): string =>
  csvHead(['用户名 Username', '昵称 Name', '一次性密码 One-time password']) +
  accounts.map(({ username, displayName, password }) => csvLine([username, displayName, password])).join('')
