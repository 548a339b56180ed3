/** What the shop is called and how it is reached; each process keeps it in memory, and hears of a change. */
import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { type Announcements, announcement } from '../database/announcements.ts'
import type { Database, Transaction } from '../database/connect.ts'

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
  /** The record number that a site in China shows (备案号). */
  readonly icp: string
  /** The logo's address, a new one for each picture. */
  readonly logo: string | null
}

const NOTHING: Contact = { text: '', phone: '', email: '', chatId: '' }
const UNCHANGED: ShopIdentity = { names: USUAL, contact: NOTHING, icp: '', logo: null }

export interface IdentityKeeper {
  /** As it was when it was last looked at: at once after a change, seconds after word of one was lost. */
  current(): ShopIdentity
  refresh(): Promise<void>
  /** Keeps up from now on; returns how to stop. */
  keepUp(announcements: Announcements): () => void
}

export function createIdentityKeeper(db: Database, log: Logger): IdentityKeeper {
  let current = UNCHANGED
  const refresh = async () => {
    current = await readIdentity(db)
  }
  const quietly = () => {
    refresh().catch((error: unknown) => log.warn({ err: error }, 'the name of the shop was not looked at'))
  }
  return {
    current: () => current,
    refresh,
    keepUp(announcements) {
      const timer = setInterval(quietly, LOOK_EVERY_MS).unref()
      const off = announcements.on('settings_changed', quietly)
      return () => {
        clearInterval(timer)
        off()
      }
    },
  }
}

export async function readIdentity(db: Database | Transaction): Promise<ShopIdentity> {
  const row = await db
    .selectFrom('shop_identity')
    .select(['name_zh', 'name_en', 'contact', 'icp', 'logo_hash'])
    .executeTakeFirst()
  if (!row) return UNCHANGED
  return {
    // One name is enough: it is then shown in both languages.
    names: { zh: row.name_zh || row.name_en || USUAL.zh, en: row.name_en || row.name_zh || USUAL.en },
    contact: { ...NOTHING, ...row.contact },
    icp: row.icp,
    logo: row.logo_hash === null ? null : `/api/shop/logo/${row.logo_hash}`,
  }
}

export async function nameShop(
  tx: Transaction,
  shop: { nameZh: string; nameEn: string; contact: Contact; icp: string; now: Date },
): Promise<void> {
  const { nameZh: name_zh, nameEn: name_en, contact, icp, now: changed_at } = shop
  await tx
    .updateTable('shop_identity')
    .set({ name_zh, name_en, contact: JSON.stringify(contact), icp, changed_at })
    .execute()
  await announcement(tx, 'settings_changed', 'shop').execute()
}

/** What a picture is by its first bytes, whatever it calls itself. Undefined for anything but PNG, JPEG and WebP. */
export function imageType(bytes: Buffer): 'image/png' | 'image/jpeg' | 'image/webp' | undefined {
  if (bytes.subarray(0, 8).toString('latin1') === '\x89PNG\r\n\x1a\n') return 'image/png'
  if (bytes.subarray(0, 3).toString('hex') === 'ffd8ff') return 'image/jpeg'
  const riff = bytes.subarray(0, 4).toString('latin1') === 'RIFF'
  return riff && bytes.subarray(8, 12).toString('latin1') === 'WEBP' ? 'image/webp' : undefined
}

/** Stores the logo, or takes it away. @returns its hash */
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
  await announcement(tx, 'settings_changed', 'shop').execute()
  return hash
}

/** An entry page with the shop's name in it, and what its script needs to know, so that nothing jumps once it runs. */
export function dressPage(html: string, { names, contact, icp, logo }: ShopIdentity): string {
  const told = escaped(JSON.stringify({ names, contact, icp, logo }))
  const icon = logo ? `<link rel="icon" href="${escaped(logo)}" />` : undefined
  return html
    .replace(/<title>[^<]*<\/title>/, (title) =>
      title === '<title>学城</title>' ? `<title>${escaped(names.zh)}</title>` : title,
    )
    .replace(/<link rel="icon"[^>]*>/, (usual) => icon ?? usual)
    .replace('</head>', () => `  <meta name="shop" content="${told}" />\n  </head>`)
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign)
