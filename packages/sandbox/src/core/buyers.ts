/**
 * Buyers: a login, two passwords and a balance. The passwords protect play money only and are stored in plain text for
 * the console.
 */

import type { Clock } from './clock.ts'
import { digits } from './keys.ts'
import { type Fen, toFen } from './money.ts'
import type { Database } from './storage/database.ts'

export interface Buyer {
  /** The user id, 2088 and twelve digits. */
  readonly id: string
  readonly login: string
  readonly name: string
  readonly loginPassword: string
  readonly paymentPassword: string
  readonly balance: Fen
  readonly createdAt: number
}

export interface BuyerInput {
  readonly login: string
  readonly name?: string
  readonly loginPassword?: string
  readonly paymentPassword?: string
  readonly balance?: Fen
}

export interface Buyers {
  find(id: string): Buyer | undefined
  findByLogin(login: string): Buyer | undefined
  list(): Buyer[]
  /** Creates a buyer; undefined if the login is taken. */
  create(input: BuyerInput): Buyer | undefined
  /** Adds a positive or negative amount to a balance; false if the balance would become negative. */
  move(id: string, amount: Fen): boolean
}

export const DEFAULT_LOGIN = 'buyer@sandbox.example'
const DEFAULT_PASSWORD = '111111'
const DEFAULT_BALANCE = toFen(10_000_000)

type Row = {
  id: string
  login: string
  name: string
  login_password: string
  payment_password: string
  balance: number
  created_at: number
}

export function openBuyers(database: Database, clock: Clock): Buyers {
  const select = database.prepare<Row>('select * from buyers where id = ?')
  const selectLogin = database.prepare<Row>('select * from buyers where login = ?')
  const selectAll = database.prepare<Row>('select * from buyers order by created_at, id')
  const insert = database.prepare(
    `insert into buyers (id, login, name, login_password, payment_password, balance, created_at)
     values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
  )
  const move = database.prepare('update buyers set balance = balance + ?1 where id = ?2 and balance + ?1 >= 0')
  return {
    find: (id) => read(select.get(id)),
    findByLogin: (login) => read(selectLogin.get(login.trim().toLowerCase())),
    list: () => selectAll.all().map(fromRow),
    create(input) {
      const login = input.login.trim().toLowerCase()
      while (selectLogin.get(login) === undefined) {
        // Numbers are random; on a collision (likely among ten thousand buyers) another one is drawn.
        const id = `20887220${digits(8)}`
        const { changes } = insert.run(
          id,
          login,
          input.name ?? '沙箱买家',
          input.loginPassword ?? DEFAULT_PASSWORD,
          input.paymentPassword ?? DEFAULT_PASSWORD,
          input.balance ?? DEFAULT_BALANCE,
          clock.now(),
        )
        if (changes > 0) return read(select.get(id))
      }
      return undefined
    },
    move: (id, amount) => move.run(amount, id).changes === 1,
  }
}

/** A login as Alipay masks it for merchants: `buy***@sandbox.example`, `159****5620`. */
export function maskedLogin(login: string): string {
  const at = login.indexOf('@')
  if (at >= 0) return `${login.slice(0, Math.min(3, at))}***${login.slice(at)}`
  return `${login.slice(0, 3)}****${login.slice(-4)}`
}

function read(row: Row | undefined): Buyer | undefined {
  return row && fromRow(row)
}

function fromRow(row: Row): Buyer {
  return {
    id: row.id,
    login: row.login,
    name: row.name,
    loginPassword: row.login_password,
    paymentPassword: row.payment_password,
    balance: toFen(row.balance),
    createdAt: row.created_at,
  }
}
