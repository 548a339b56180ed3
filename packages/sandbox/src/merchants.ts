/** Merchants: one application each, with a seller account, its own pair of Alipay keys, and the public key it uploaded. */
import type { KeyObject } from 'node:crypto'
import { randomBytes, randomInt } from 'node:crypto'
import { type Certificates, issueFor } from './certificates/authority.ts'
import type { Clock } from './clock.ts'
import type { Database } from './database.ts'
import type { Settings } from './settings.ts'
import { generateKeys, publicKeyText, readPrivateKey, readPublicKey } from './signature.ts'

/** Which of Alipay's rules hold for a merchant; the reference documents disagree where there is a choice. */
export interface MerchantRules {
  /** A partial refund sends a second TRADE_SUCCESS notification. */
  readonly notifyOnPartialRefund: boolean
  /** A page.pay trade that closes (unpaid, or by a full refund) sends TRADE_CLOSED, and one that ends TRADE_FINISHED; wap.pay always does. */
  readonly notifyOnClose: boolean
  /** False for the rule of Alipay's own sandbox: one refund a trade, of all of it. */
  readonly partialRefunds: boolean
  /** Days after payment until the trade is TRADE_FINISHED and can't be refunded. */
  readonly refundDays: number
  /** What a day without trades answers: an empty file, or NO_BILL_DATA. */
  readonly emptyBills: 'file' | 'error'
  /** The hour (Beijing) from which a day's bill is there the next day; 0 for at once, Alipay's is 9. */
  readonly billHour: number
  /** False where the contract has no refunds: a payment goes straight to TRADE_FINISHED. */
  readonly refundable: boolean
  /** What Alipay keeps of a payment, in ten-thousandths of it (60 is 0.6 %): charged as it is paid, written in the bill. */
  readonly feeRate: number
}

export const DEFAULT_RULES: MerchantRules = {
  notifyOnPartialRefund: true,
  notifyOnClose: false,
  partialRefunds: true,
  emptyBills: 'file',
  billHour: 0,
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
  /** Makes or changes a merchant. The application's key must have been read by `readPublicKey` before. */
  put(appId: string, input: MerchantInput): Promise<Merchant>
  /** An application id nobody has yet, in the shape of Alipay's new sandbox: 9021 and twelve digits. */
  freeAppId(): string
  /** Forgets what is held in memory; after a reset. */
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

  /** A merchant in certificate mode has certificates for the key it has now. */
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

/** A seller or buyer number in Alipay's shape is 2088 and twelve digits; this makes the random part. */
export function digits(count: number): string {
  return String(randomInt(10 ** Math.min(count, 14))).padStart(count, '0')
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
