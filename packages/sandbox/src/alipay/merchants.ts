/** Merchants: each has one application, a seller account, its own Alipay key pair, and the public key it uploaded. */
import type { KeyObject } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { digits, generateKeys, publicKeyText, readPrivateKey, readPublicKey } from '../core/keys.ts'
import type { Database } from '../core/storage/database.ts'
import type { Settings } from '../core/storage/settings.ts'
import { type Certificates, issueFor } from './authority.ts'

/** Alipay's rules for a merchant; the reference documents disagree on those that can be chosen here. */
export interface MerchantRules {
  /** A partial refund sends a second TRADE_SUCCESS notification. */
  readonly notifyOnPartialRefund: boolean
  /**
   * A page.pay trade that closes (unpaid, or by a full refund) sends TRADE_CLOSED, and a finished one TRADE_FINISHED;
   * wap.pay always does.
   */
  readonly notifyOnClose: boolean
  /** False for the rule of Alipay's own sandbox: one refund per trade, in full. */
  readonly partialRefunds: boolean
  /** Days after payment until the trade is TRADE_FINISHED and can't be refunded. */
  readonly refundDays: number
  /** The minimum time between two refunds of one trade, in seconds. */
  readonly refundGapSeconds: number
  /** The answer for a day without trades: an empty file, or NO_BILL_DATA. */
  readonly emptyBills: 'file' | 'error'
  /** The hour (Beijing) of the next day from which a day's bill is available; 0 for at once. */
  readonly billHour: number
  /** False if the contract excludes refunds: a payment goes straight to TRADE_FINISHED. */
  readonly refundable: boolean
  /** Alipay's fee, in ten-thousandths of a payment (60 is 0.6 %): charged on payment, listed in the bill. */
  readonly feeRate: number
}

export const DEFAULT_RULES: MerchantRules = {
  notifyOnPartialRefund: true,
  notifyOnClose: false,
  partialRefunds: true,
  refundGapSeconds: 3,
  emptyBills: 'file',
  billHour: 9,
  refundDays: 365,
  refundable: true,
  feeRate: 0,
}

export interface Merchant {
  readonly appId: string
  readonly name: string
  readonly sellerId: string
  readonly sellerEmail: string
  readonly keyMode: 'key' | 'cert'
  /** The application's public key as bare Base64; absent until it is uploaded. */
  readonly appPublicKey: string | undefined
  readonly appKey: KeyObject | undefined
  readonly alipayPublicKey: string
  readonly alipayKey: KeyObject
  /** In certificate mode, once the application's key is known. */
  readonly certificates: Certificates | undefined
  /** Content encryption key, Base64 of 16 bytes. */
  readonly aesKey: string
  readonly rules: MerchantRules
  readonly createdAt: number
}

export interface MerchantInput {
  readonly name?: string
  readonly sellerId?: string
  readonly appPublicKey?: string
  readonly keyMode?: 'key' | 'cert'
  readonly rules?: Partial<MerchantRules>
}

export interface Merchants {
  find(appId: string): Merchant | undefined
  list(): Merchant[]
  /** Creates or changes a merchant. `readPublicKey` must have accepted the application's key before. */
  put(appId: string, input: MerchantInput): Promise<Merchant>
  /** An unused application id in the format of Alipay's new sandbox: 9021 and twelve digits. */
  freeAppId(): string
  /** Clears the in-memory cache; after a reset. */
  forget(): void
}

type Row = {
  app_id: string
  name: string
  seller_id: string
  seller_email: string
  key_mode: string
  app_public_key: string | null
  alipay_private_key: string
  alipay_public_key: string
  aes_key: string
  certificates: string | null
  rules: string
  created_at: number
}

export function openMerchants(database: Database, clock: Clock, settings: Settings): Merchants {
  const select = database.prepare<Row>('select * from merchants where app_id = ?')
  const selectAll = database.prepare<Row>('select * from merchants order by created_at, app_id')
  const upsert = database.prepare(
    `insert into merchants (app_id, name, seller_id, seller_email, key_mode, app_public_key, alipay_private_key,
       alipay_public_key, aes_key, rules, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (app_id) do update set name = excluded.name, seller_id = excluded.seller_id,
       seller_email = excluded.seller_email, key_mode = excluded.key_mode, app_public_key = excluded.app_public_key,
       rules = excluded.rules`,
  )
  const certify = database.prepare('update merchants set certificates = ? where app_id = ?')
  const known = new Map<string, Merchant>()

  function find(appId: string): Merchant | undefined {
    const held = known.get(appId)
    if (held) return held
    const row = select.get(appId)
    if (!row) return undefined
    const merchant = fromRow(row)
    known.set(appId, merchant)
    return merchant
  }

  /** Issues certificates for the current key of a merchant in certificate mode. */
  async function certifyIfNeeded(appId: string, old: Merchant | undefined): Promise<void> {
    const now = find(appId)
    if (now?.keyMode !== 'cert' || !now.appKey) return
    if (now.certificates && old?.appPublicKey === now.appPublicKey) return
    const certificates = await issueFor(settings, appId, now.appKey, now.alipayKey, clock.now())
    certify.run(JSON.stringify(certificates), appId)
    known.delete(appId)
  }

  return {
    find,
    list: () => selectAll.all().map((row) => find(row.app_id) ?? fromRow(row)),
    async put(appId, input) {
      const pair = find(appId) ? undefined : await generateKeys()
      const old = find(appId)
      const sellerId = input.sellerId ?? old?.sellerId ?? `20887210${digits(8)}`
      const key = input.appPublicKey === undefined ? old?.appKey : readPublicKey(input.appPublicKey)
      upsert.run(
        appId,
        input.name ?? old?.name ?? `沙箱商户 ${appId.slice(-4)}`,
        sellerId,
        `seller-${sellerId.slice(-6)}@sandbox.example`,
        input.keyMode ?? old?.keyMode ?? 'key',
        key ? publicKeyText(key) : null,
        pair?.privateKey ?? '',
        pair?.publicKey ?? '',
        randomBytes(16).toString('base64'),
        JSON.stringify({ ...DEFAULT_RULES, ...old?.rules, ...input.rules }),
        clock.now(),
      )
      known.delete(appId)
      await certifyIfNeeded(appId, old)
      const merchant = find(appId)
      if (!merchant) throw new Error(`merchant ${appId} was not stored`)
      return merchant
    },
    freeAppId() {
      for (;;) {
        const appId = `9021000${digits(9)}`
        if (!find(appId)) return appId
      }
    },
    forget: () => known.clear(),
  }
}

function fromRow(row: Row): Merchant {
  return {
    appId: row.app_id,
    name: row.name,
    sellerId: row.seller_id,
    sellerEmail: row.seller_email,
    keyMode: row.key_mode === 'cert' ? 'cert' : 'key',
    appPublicKey: row.app_public_key ?? undefined,
    appKey: row.app_public_key === null ? undefined : readPublicKey(row.app_public_key),
    alipayPublicKey: row.alipay_public_key,
    alipayKey: readPrivateKey(row.alipay_private_key),
    certificates: row.certificates === null ? undefined : (JSON.parse(row.certificates) as Certificates),
    aesKey: row.aes_key,
    rules: { ...DEFAULT_RULES, ...(JSON.parse(row.rules) as Partial<MerchantRules>) },
    createdAt: row.created_at,
  }
}
