/** The shop's profile: name, contact and logo. Each process caches it and is notified of changes. */
import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Database, Transaction } from '../db/connect.ts'
import { keepUp, publishAfterCommit, type Subscriptions } from '../db/pub-sub.ts'
import { ShopError } from '../errors.ts'
import { kindOf, TELLING_BYTES } from '../file-kind.ts'

const USUAL = { zh: '学城', en: 'Xuecheng' }
const LOOK_EVERY_MS = 3000

export interface Contact {
  readonly text: string
  readonly phone: string
  readonly email: string
  readonly chatId: string
}

export interface ShopIdentity {
  readonly names: { readonly zh: string; readonly en: string }
  readonly contact: Contact
  /** The record number that a site in China must show (备案号). */
  readonly icp: string
  /** The logo's path, which is new for each picture. */
  readonly logo: string | null
}

const NOTHING: Contact = { text: '', phone: '', email: '', chatId: '' }
const UNCHANGED: ShopIdentity = { names: USUAL, contact: NOTHING, icp: '', logo: null }

export interface IdentityKeeper {
  /** The cached profile: current right after a change, or seconds later if a notification was lost. */
  current(): ShopIdentity
  refresh(): Promise<void>
  /** Refreshes on changes from now on; returns how to stop. */
  keepUp(subscriptions: Subscriptions): () => void
}

export function createIdentityKeeper(db: Database, log: Logger): IdentityKeeper {
  let current = UNCHANGED
  const refresh = async () => {
    current = await readIdentity(db)
  }
  const quietly = () => {
    refresh().catch((error: unknown) => log.warn({ err: error }, 'the shop profile could not be read'))
  }
  return {
    current: () => current,
    refresh,
    keepUp: (subscriptions) =>
      keepUp({ everyMs: LOOK_EVERY_MS, look: quietly, subscriptions, channel: 'settings_changed' }),
  }
}

export async function readIdentity(db: Database | Transaction): Promise<ShopIdentity> {
  const row = await db
    .selectFrom('shop_identity')
    .select(['name_zh', 'name_en', 'contact', 'icp', 'logo_hash'])
    .executeTakeFirst()
  if (!row) return UNCHANGED
  return {
    // A single name is used for both languages.
    names: { zh: row.name_zh || row.name_en || USUAL.zh, en: row.name_en || row.name_zh || USUAL.en },
    contact: { ...NOTHING, ...row.contact },
    icp: row.icp,
    logo: row.logo_hash === null ? null : `/api/shop/logo/${row.logo_hash}`,
  }
}

/** @param shop.version the version that the author edited @throws ShopError SETTINGS_CHANGED */
export async function nameShop(
  tx: Transaction,
  shop: { version: number; nameZh: string; nameEn: string; contact: Contact; icp: string; now: Date },
): Promise<void> {
  const { version, nameZh: name_zh, nameEn: name_en, contact, icp, now: changed_at } = shop
  await tx
    .updateTable('shop_identity')
    .set({ name_zh, name_en, contact: JSON.stringify(contact), icp, changed_at, version: version + 1 })
    .where('version', '=', version)
    .returning('one')
    .executeTakeFirstOrThrow(() => new ShopError('SETTINGS_CHANGED'))
  await publishAfterCommit(tx, 'settings_changed', 'shop')
}

const LOGO_TYPES = ['image/png', 'image/jpeg', 'image/webp'] as const

/** What a logo is by its first bytes, whatever it calls itself. Undefined for anything but PNG, JPEG and WebP. */
export function imageType(bytes: Buffer): (typeof LOGO_TYPES)[number] | undefined {
  const type = kindOf(bytes.subarray(0, TELLING_BYTES))?.mediaType
  return LOGO_TYPES.find((each) => each === type)
}

/** Stores the logo, or removes it. @returns its hash */
export async function setLogo(
  tx: Transaction,
  picture: { bytes: Buffer; type: NonNullable<ReturnType<typeof imageType>> } | undefined,
  now: Date,
): Promise<string | undefined> {
  const hash = picture && createHash('sha256').update(picture.bytes).digest('hex').slice(0, 32)
  const set = { logo: picture?.bytes ?? null, logo_type: picture?.type ?? null, logo_hash: hash ?? null }
  await tx
    .updateTable('shop_identity')
    .set({ ...set, changed_at: now })
    .execute()
  await publishAfterCommit(tx, 'settings_changed', 'shop')
  return hash
}

/**
 * Injects the shop's profile into an entry page, both as text and for its script, so that nothing moves once it runs.
 */
export function injectMetadata(html: string, { names, contact, icp, logo }: ShopIdentity): string {
  const profile = escaped(JSON.stringify({ names, contact, icp, logo }))
  const icon = logo ? `<link rel="icon" href="${escaped(logo)}" />` : undefined
  return html
    .replace(/<title>[^<]*<\/title>/, (title) =>
      title === '<title>学城</title>' ? `<title>${escaped(names.zh)}</title>` : title,
    )
    .replace(/<link rel="icon"[^>]*>/, (usual) => icon ?? usual)
    .replace('</head>', () => `  <meta name="shop" content="${profile}" />\n  </head>`)
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign)
