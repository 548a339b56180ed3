/** The shop's name, contact and logo: changed by the owner in the back office, visible to everyone. */
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { type AdminContext, adminAction } from '../admin/action.ts'
import { adminRoute } from '../admin/admin-routes.ts'
import type { Reader } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { hasAlready } from '../http/entity-tag.ts'
import { closed, problems } from '../http/shapes.ts'
import { type IdentityKeeper, imageType, nameShop, readIdentity, setLogo } from './identity.ts'

const route = adminRoute('settings')

const LOGO_BYTES = 256 * 1024

const line = (most: number) => Type.String({ maxLength: most, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })

const Version = Type.Integer({
  minimum: 1,
  maximum: 2_147_483_646,
  description: 'The version of name and contact that was edited',
})

const Named = {
  contact: closed({
    text: line(300),
    phone: Type.String({ maxLength: 40, pattern: '^[0-9+() -]*$' }),
    email: Type.String({ maxLength: 120, pattern: '^$|^[^@\\s<>]+@[^@\\s<>]+$' }),
    chatId: Type.String({ maxLength: 40, pattern: '^[\\w-]*$' }),
  }),
  icp: line(60),
}

const IdentityShape = Type.Object(
  {
    version: Version,
    nameZh: Type.String({ description: 'Empty for the default name' }),
    nameEn: Type.String(),
    ...Named,
    logo: Type.Union([Type.String(), Type.Null()]),
  },
  { $id: 'ShopIdentity' },
)

export interface IdentityAdmin extends AdminContext {
  readonly identity: IdentityKeeper
}

/** The logo, at a path that changes with the picture. */
export function addLogoRoute(app: Application, { db }: IdentityAdmin): void {
  const Params = Type.Object({ hash: Type.String({ pattern: '^[0-9a-f]{32}$' }) })
  app.get(
    '/api/shop/logo/:hash',
    { config: { access: 'anyone' }, schema: { hide: true, params: Params } },
    async (request, reply) => {
      const { hash } = request.params as Static<typeof Params>
      const row = await db
        .selectFrom('shop_identity')
        .select(['logo', 'logo_type'])
        .where('logo_hash', '=', hash)
        .executeTakeFirst()
      if (!row?.logo || !row.logo_type) throw new ShopError('NOT_FOUND')
      const tag = `"${hash}"`
      reply.header('etag', tag).header('cache-control', 'public, max-age=31536000, immutable')
      return hasAlready(request, tag) ? reply.code(304).send() : reply.type(row.logo_type).send(row.logo)
    },
  )
}

const subject = 'settings/shop'

export function addIdentityAdminRoutes(admin: Application, settings: IdentityAdmin): void {
  admin.addSchema(IdentityShape)
  addNameRoutes(admin, settings)
  addLogoRoutes(admin, settings)
}

async function readForOwner(db: Reader): Promise<Static<typeof IdentityShape>> {
  const row = await db.selectFrom('shop_identity').select(['name_zh', 'name_en', 'version']).executeTakeFirstOrThrow()
  const { contact, icp, logo } = await readIdentity(db)
  return { version: row.version, nameZh: row.name_zh, nameEn: row.name_en, contact, icp, logo }
}

function addNameRoutes(admin: Application, settings: IdentityAdmin): void {
  const { db, identity } = settings

  admin.get(
    '/shop-identity',
    route('settings.read', { response: { 200: Type.Ref('ShopIdentity'), ...problems(401, 403) } }),
    () => readForOwner(db),
  )

  admin.put(
    '/shop-identity',
    route('settings.write', {
      summary: 'Set name, contact and record number; takes effect at once in all processes',
      body: closed({ version: Version, nameZh: line(40), nameEn: line(60), ...Named }),
      response: { 200: Type.Ref('ShopIdentity'), ...problems(401, 403, 409, 422) },
    }),
    async (request) => {
      const { version, nameZh, nameEn, ...rest } = request.body
      const after = { nameZh: nameZh.trim(), nameEn: nameEn.trim(), ...rest }
      const before = await readForOwner(db)
      await adminAction(settings, {
        request,
        work: ({ tx, now }) => nameShop(tx, { ...after, version, now }),
        audit: () => ({ action: 'shop.name', subject, before, after }),
      })
      await identity.refresh()
      return readForOwner(db)
    },
  )
}

function addLogoRoutes(admin: Application, settings: IdentityAdmin): void {
  admin.put(
    '/shop-identity/logo',
    route('settings.write', {
      bodyLimit: 2 * LOGO_BYTES,
      summary: 'A PNG, JPEG or WebP of at most 256 KB, as base64',
      body: closed({
        image: Type.String({ minLength: 1, maxLength: 1.5 * LOGO_BYTES, pattern: '^[A-Za-z0-9+/]+={0,2}$' }),
      }),
      response: { 200: Type.Ref('ShopIdentity'), ...problems(401, 403, 413, 422) },
    }),
    async (request) => {
      const bytes = Buffer.from(request.body.image, 'base64')
      const type = imageType(bytes)
      if (!type) throw new ShopError('NOT_A_PICTURE')
      if (bytes.length > LOGO_BYTES) throw new ShopError('TOO_LARGE')
      return changeLogo(settings, request, { bytes, type })
    },
  )

  admin.delete(
    '/shop-identity/logo',
    route('settings.write', {
      summary: 'Restore the default seal',
      response: { 200: Type.Ref('ShopIdentity'), ...problems(401, 403) },
    }),
    (request) => changeLogo(settings, request, undefined),
  )
}

async function changeLogo(settings: IdentityAdmin, request: FastifyRequest, picture: Parameters<typeof setLogo>[1]) {
  const { db, identity } = settings
  const { logo } = identity.current()
  await adminAction(settings, {
    request,
    work: ({ tx, now }) => setLogo(tx, picture, now),
    audit: (hash) => {
      const after = { logo: hash ?? null, ...(picture && { type: picture.type, bytes: picture.bytes.length }) }
      return { action: 'shop.logo', subject, before: { logo }, after }
    },
  })
  await identity.refresh()
  return readForOwner(db)
}
