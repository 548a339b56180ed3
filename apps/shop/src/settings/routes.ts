/** The shop's name, contact and logo: changed at the owner's desk, shown to everybody. */
import { type Static, Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { problems } from '../http/shapes.ts'
import { type IdentityKeeper, imageType, nameShop, readIdentity, type ShopIdentity, setLogo } from './identity.ts'

const LOGO_BYTES = 256 * 1024

const line = (most: number) => Type.String({ maxLength: most, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })

const Named = {
  contact: Type.Object(
    {
      text: line(300),
      phone: Type.String({ maxLength: 40, pattern: '^[0-9+() -]*$' }),
      email: Type.String({ maxLength: 120, pattern: '^$|^[^@\\s<>]+@[^@\\s<>]+$' }),
      chatId: Type.String({ maxLength: 40, pattern: '^[\\w-]*$' }),
    },
    { additionalProperties: false },
  ),
  icp: line(60),
}

const IdentityShape = Type.Object(
  {
    nameZh: Type.String({ description: 'Empty: the usual one' }),
    nameEn: Type.String(),
    ...Named,
    logo: Type.Union([Type.String(), Type.Null()]),
  },
  { $id: 'ShopIdentity' },
)

export interface IdentityDesk {
  readonly db: Database
  readonly identity: IdentityKeeper
  readonly clock: Clock
}

/** The logo, at an address that never changes its picture. */
export function addLogoRoute(app: Application, { db }: IdentityDesk): void {
  const Params = Type.Object({ hash: Type.String({ pattern: '^[0-9a-f]{32}$' }) })
  app.get('/api/shop/logo/:hash', { schema: { hide: true, params: Params } }, async (request, reply) => {
    const { hash } = request.params as Static<typeof Params>
    const row = await db
      .selectFrom('shop_identity')
      .select(['logo', 'logo_type'])
      .where('logo_hash', '=', hash)
      .executeTakeFirst()
    if (!row?.logo || !row.logo_type) throw new ShopError('NOT_FOUND')
    return reply.type(row.logo_type).header('cache-control', 'public, max-age=31536000, immutable').send(row.logo)
  })
}

export function addIdentityDesk(desk: Application, { db, identity, clock }: IdentityDesk): void {
  desk.addSchema(IdentityShape)
  const tags = ['desk: settings']
  const subject = 'settings/shop'
  const right = { right: 'settings.write' } as const

  const view = async (): Promise<Static<typeof IdentityShape>> => {
    const row = await db.selectFrom('shop_identity').select(['name_zh', 'name_en']).executeTakeFirstOrThrow()
    const { contact, icp, logo } = await readIdentity(db)
    return { nameZh: row.name_zh, nameEn: row.name_en, contact, icp, logo }
  }

  desk.get(
    '/shop-identity',
    {
      config: { right: 'settings.read' },
      schema: { tags, response: { 200: Type.Ref('ShopIdentity'), ...problems(401, 403) } },
    },
    view,
  )

  desk.put(
    '/shop-identity',
    {
      config: right,
      schema: {
        tags,
        summary: 'Name, contact and record number; shown at once by every process',
        body: Type.Object({ nameZh: line(40), nameEn: line(60), ...Named }, { additionalProperties: false }),
        response: { 200: Type.Ref('ShopIdentity'), ...problems(401, 403, 422) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const now = clock()
      const { nameZh, nameEn, ...rest } = request.body
      const after = { nameZh: nameZh.trim(), nameEn: nameEn.trim(), ...rest }
      const before = await view()
      await db.transaction().execute(async (tx) => {
        await nameShop(tx, { ...after, now })
        await audit(tx, staff, { at: now, action: 'shop.name', subject, before, after })
      })
      await identity.refresh()
      return view()
    },
  )

  const changeLogo = async (
    request: Parameters<typeof staffOf>[0],
    picture: Parameters<typeof setLogo>[1],
    before: ShopIdentity,
  ) => {
    const staff = staffOf(request)
    const now = clock()
    await db.transaction().execute(async (tx) => {
      const hash = await setLogo(tx, picture, now)
      const after = { logo: hash ?? null, ...(picture && { type: picture.type, bytes: picture.bytes.length }) }
      await audit(tx, staff, { at: now, action: 'shop.logo', subject, before: { logo: before.logo }, after })
    })
    await identity.refresh()
    return view()
  }

  desk.put(
    '/shop-identity/logo',
    {
      config: right,
      bodyLimit: 2 * LOGO_BYTES,
      schema: {
        tags,
        summary: 'A PNG, JPEG or WebP of at most 256 KB, as base64',
        body: Type.Object(
          { image: Type.String({ minLength: 1, maxLength: 1.5 * LOGO_BYTES, pattern: '^[A-Za-z0-9+/]+={0,2}$' }) },
          { additionalProperties: false },
        ),
        response: { 200: Type.Ref('ShopIdentity'), ...problems(401, 403, 413, 422) },
      },
    },
    async (request) => {
      const bytes = Buffer.from(request.body.image, 'base64')
      const type = imageType(bytes)
      if (!type) throw new ShopError('NOT_A_PICTURE')
      if (bytes.length > LOGO_BYTES) throw new ShopError('TOO_LARGE')
      return changeLogo(request, { bytes, type }, identity.current())
    },
  )

  desk.delete(
    '/shop-identity/logo',
    {
      config: right,
      schema: {
        tags,
        summary: 'Back to the usual seal',
        response: { 200: Type.Ref('ShopIdentity'), ...problems(401, 403) },
      },
    },
    (request) => changeLogo(request, undefined, identity.current()),
  )
}
