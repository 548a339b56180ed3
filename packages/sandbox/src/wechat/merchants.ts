/** WeChat Pay's merchants: the uploaded public key, the APIv3 key, and the key pair with which WeChat signs. */
import type { KeyObject } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { digits, generateKeys, readPrivateKey, readPublicKey } from '../core/keys.ts'
import type { Database } from '../core/storage/database.ts'

export interface WechatRules {
  /** WeChat's fee, in ten-thousandths of a payment. */
  readonly feeRate: number
  /** The hour (Beijing) of the next day from which a day's bill is available; 0 for at once. */
  readonly billHour: number
  /** How long a refund stays PROCESSING, in seconds. */
  readonly refundSeconds: number
  /** The minimum time between two refunds of one order, in seconds. */
  readonly refundGapSeconds: number
  /** The registered H5 domains: only their pages may open an h5_url, or be returned to. */
  readonly h5Domains: readonly string[]
}

export const DEFAULT_WECHAT_RULES: WechatRules = {
  feeRate: 0,
  billHour: 10,
  refundSeconds: 2,
  refundGapSeconds: 60,
  h5Domains: ['127.0.0.1', 'localhost', '[::1]'],
}

export interface WechatMerchant {
  readonly mchId: string
  readonly name: string
  readonly appId: string
  /** The serial number of the merchant's API certificate, as its requests state it. */
  readonly serialNo: string
  readonly merchantKey: KeyObject
  readonly publicKeyText: string
  readonly apiV3Key: string
  readonly keyMode: 'public-key' | 'certificate'
  readonly wechatKey: KeyObject
  readonly wechatPublicKey: string
  readonly publicKeyId: string
  readonly rules: WechatRules
  readonly createdAt: number
}

export interface WechatMerchantInput {
  readonly name?: string | undefined
  readonly appId: string
  readonly serialNo: string
  /** Validated before: bare Base64 or PEM of an RSA key. */
  readonly publicKey: string
  readonly apiV3Key: string
  readonly keyMode?: 'public-key' | 'certificate' | undefined
  readonly rules?: Partial<WechatRules> | undefined
}

export interface WechatMerchants {
  find(mchId: string): WechatMerchant | undefined
  list(): WechatMerchant[]
  /** Creates or changes a merchant; WeChat's own key pair stays. */
  put(mchId: string, input: WechatMerchantInput): Promise<WechatMerchant>
  forget(): void
}

type Row = {
  mch_id: string
  name: string
  app_id: string
  serial_no: string
  public_key: string
  api_v3_key: string
  key_mode: string
  wechat_private_key: string
  wechat_public_key: string
  public_key_id: string
  rules: string
  created_at: number
}

export function openWechatMerchants(database: Database, clock: Clock): WechatMerchants {
  const select = database.prepare<Row>('select * from wechat_merchants where mch_id = ?')
  const selectAll = database.prepare<Row>('select * from wechat_merchants order by created_at, mch_id')
  const upsert = database.prepare(
    `insert into wechat_merchants (mch_id, name, app_id, serial_no, public_key, api_v3_key, key_mode, wechat_private_key,
       wechat_public_key, public_key_id, rules, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (mch_id) do update set name = excluded.name, app_id = excluded.app_id, serial_no = excluded.serial_no,
       public_key = excluded.public_key, api_v3_key = excluded.api_v3_key, key_mode = excluded.key_mode,
       rules = excluded.rules`,
  )
  const known = new Map<string, WechatMerchant>()

  function find(mchId: string): WechatMerchant | undefined {
    const held = known.get(mchId)
    if (held) return held
    const row = select.get(mchId)
    const merchant = row && fromRow(row)
    if (merchant) known.set(mchId, merchant)
    return merchant
  }

  return {
    find,
    list: () => selectAll.all().flatMap((row) => find(row.mch_id) ?? []),
    async put(mchId, input) {
      const before = find(mchId)
      const pair = before ? undefined : await generateKeys()
      const rules = { ...(before?.rules ?? DEFAULT_WECHAT_RULES), ...input.rules }
      const own = select.get(mchId)
      upsert.run(
        mchId,
        input.name ?? before?.name ?? mchId,
        input.appId,
        input.serialNo,
        input.publicKey,
        input.apiV3Key,
        input.keyMode ?? before?.keyMode ?? 'public-key',
        own?.wechat_private_key ?? pair?.privateKey ?? '',
        own?.wechat_public_key ?? pair?.publicKey ?? '',
        own?.public_key_id ?? `PUB_KEY_ID_01${digits(28)}`,
        JSON.stringify(rules),
        clock.now(),
      )
      known.delete(mchId)
      const merchant = find(mchId)
      if (!merchant) throw new Error(`merchant ${mchId} was not kept`)
      return merchant
    },
    forget: () => known.clear(),
  }
}

function fromRow(row: Row): WechatMerchant {
  const merchantKey = readPublicKey(row.public_key)
  if (!merchantKey) throw new Error(`the key of merchant ${row.mch_id} is invalid`)
  return {
    mchId: row.mch_id,
    name: row.name,
    appId: row.app_id,
    serialNo: row.serial_no,
    merchantKey,
    publicKeyText: row.public_key,
    apiV3Key: row.api_v3_key,
    keyMode: row.key_mode === 'certificate' ? 'certificate' : 'public-key',
    wechatKey: readPrivateKey(row.wechat_private_key),
    wechatPublicKey: row.wechat_public_key,
    publicKeyId: row.public_key_id,
    rules: { ...DEFAULT_WECHAT_RULES, ...(JSON.parse(row.rules) as Partial<WechatRules>) },
    createdAt: row.created_at,
  }
}
