/** The web server of one process: the routes of all subjects, the pages, and the operator's endpoints. */
import { join } from 'node:path'
import { addAccountRoutes } from '../accounts/routes.ts'
import { addAdminRoutes } from '../admin/admin-routes.ts'
import { guardAccess } from '../auth/access.ts'
import { addProofRoutes } from '../auth/credential-proof-routes.ts'
import { createDevices } from '../auth/known-device.ts'
import { addFactorAdminRoutes } from '../auth/second-factor/routes.ts'
import { addSecurityHooks } from '../auth/security-log/hooks.ts'
import { createSecurityLog } from '../auth/security-log/security-log.ts'
import { keepLastSeen } from '../auth/sessions/last-seen.ts'
import { addAuditAdminRoutes } from '../back-office/audit-routes.ts'
import { addBuyerAdminRoutes } from '../back-office/buyer-routes.ts'
import { addDashboardAdminRoutes } from '../back-office/dashboard-routes.ts'
import { addJobsAdminRoutes } from '../back-office/jobs-routes.ts'
import { addExportAdminRoutes } from '../back-office/orders/export-routes.ts'
import { addOrderAdminRoutes } from '../back-office/orders/routes.ts'
import { addChoicesAdminRoutes } from '../catalog/authoring/choices-routes.ts'
import { addAuthoringAdminRoutes } from '../catalog/authoring/routes.ts'
import { DEMO_VIDEOS } from '../catalog/demo.ts'
import { addPictureRoute, addUploadAdminRoutes } from '../catalog/files/routes.ts'
import { createResponseCache } from '../catalog/response-cache.ts'
import { addCatalogRoutes, firstCover } from '../catalog/routes.ts'
import { subscribe } from '../db/pub-sub.ts'
import { watchReadiness } from '../db/readiness.ts'
import { addImportAdminRoutes } from '../enrolments/imports/routes.ts'
import { seesAll } from '../enrolments/readers.ts'
import { addEnrolmentRoutes } from '../enrolments/routes.ts'
import { addHealthAdminRoutes, measureHealth } from '../health/routes.ts'
import { watchForUnknownProxies } from '../http/addresses/unknown-proxy.ts'
import { type Application, createApplication } from '../http/application.ts'
import { createOverload } from '../http/load/overload.ts'
import { addOperatorRoutes } from '../http/operator/operator.ts'
import { ownFiles } from '../http/pages/own-files.ts'
import { addPages } from '../http/pages/pages.ts'
import { watchOrders } from '../orders/events.ts'
import { addOrderRoutes } from '../orders/routes.ts'
import { addPaymentRoutes } from '../payments/checkout/routes.ts'
import { confirmUnmade } from '../payments/gateway-sync/stop-refund.ts'
import { addSettingsAdminRoutes } from '../payments/merchants/routes.ts'
import { addInboxAdminRoutes } from '../payments/notifications/routes.ts'
import { METHODS } from '../payments/providers/methods.ts'
import { addRefundAdminRoutes } from '../payments/refunds/admin-routes.ts'
import { addRefundRoutes } from '../payments/refunds/routes.ts'
import { addUnmatchedAdminRoutes } from '../payments/settlement/routes.ts'
import { addTrialAdminRoutes } from '../payments/trials/routes.ts'
import { addReconciliationAdminRoutes } from '../reconciliation/routes.ts'
import { injectMetadata } from '../settings/identity.ts'
import { addIdentityAdminRoutes, addLogoRoute } from '../settings/routes.ts'
import { addFirstRunRoutes } from '../staff/first-run-routes.ts'
import { addProfileAdminRoutes } from '../staff/profile-routes.ts'
import { addStaffAdminRoutes } from '../staff/routes.ts'
import { addSecurityAdminRoutes } from '../staff/security-routes.ts'
import { addStaffSessionsAdminRoutes } from '../staff/session-routes.ts'
import type { Shop } from './shop.ts'
import { addShopRoutes } from './storefront-routes.ts'

export async function createServer(shop: Shop): Promise<Application> {
  const { config, connection, sessions, principals, payments, providers, encryption, settings, identity, log } = shop
  const { db } = connection
  const { clock } = payments
  const { publicUrl, trustedProxies } = config
  const overload = createOverload(connection.pool.options.max, principals.accountOf)
  const app = await createApplication({ logger: log, trustedProxies, publicUrl, overload })
  addSecurityHooks(app, createSecurityLog({ db, log, clock, key: shop.keyFor('security log') }))
  watchForUnknownProxies(app, { db, trustedProxies, clock, log })
  const subscriptions = subscribe(connection.servers)
  app.addHook('onClose', () => subscriptions.close())
  const events = watchOrders(subscriptions)
  app.addHook('onReady', async () => {
    await Promise.all([settings.refresh(), identity.refresh()]).catch((error) =>
      log.error({ err: error }, 'settings not read yet'),
    )
  })
  app.addHook('onClose', settings.keepUp(subscriptions))
  app.addHook('onClose', identity.keepUp(subscriptions))

  guardAccess(app, principals)
  addBackOffice(app, shop)
  addShopRoutes(app, shop)
  addLogoRoute(app, { db, identity, clock })
  addProofRoutes(app, { db, encryption, principals, clock, publicUrl })
  const devices = createDevices(shop.keyFor('known devices'))
  const { welcome } = addAccountRoutes(app, {
    db,
    encryption,
    devices,
    sessions,
    proofs: shop.proofs,
    principals,
    demo: shop.demo,
    clock,
    publicUrl,
  })
  addFirstRunRoutes(app, { db, clock, publicUrl, welcome })
  const kept = createResponseCache(subscriptions)
  addCatalogRoutes(app, {
    db,
    kept,
    async seesDraft(request, courseId) {
      const principal = await principals.find(request)
      return principal !== undefined && seesAll(db, principal.user, courseId)
    },
  })
  addPictureRoute(app, shop.uploadsFolder)
  const streams = addOrderRoutes(app, { db, principals, events })
  addPaymentRoutes(app, payments)
  providers.addRoutes(app, payments)
  addRefundRoutes(app, payments)
  addEnrolmentRoutes(app, { db, principals, clock, videos: { demo: DEMO_VIDEOS, uploaded: shop.uploadsFolder } })
  const blocked = () => METHODS.map(({ name }) => name).filter((name) => providers.isBlocked(name))
  addOperatorRoutes(app, { connection, readiness: watchReadiness(connection), overload, streams, blocked })
  measureHealth(db)
  await addPages(app, {
    injectMetadata: (html) => injectMetadata(html, identity.current()),
    picture: (path) => firstCover(kept, path),
    own: ownFiles(join(config.dataDir, 'public')),
  })
  return app
}

/** Every subject's part of the back office. */
function addBackOffice(app: Application, shop: Shop): void {
  const { config, principals, payments, providers, encryption, settings, identity, log } = shop
  const { db } = shop.connection
  const { clock } = payments
  const context = { db, clock }
  const gate = { principals, saw: keepLastSeen(db, clock, log), clock }
  addAdminRoutes(app, gate, (admin) => {
    addOrderAdminRoutes(admin, payments)
    addExportAdminRoutes(admin, db, clock)
    addRefundAdminRoutes(admin, payments, (requestNo) => confirmUnmade(payments, requestNo))
    addInboxAdminRoutes(admin, payments)
    addUnmatchedAdminRoutes(admin, payments)
    addReconciliationAdminRoutes(admin, payments)
    addHealthAdminRoutes(admin, db, clock)
    addJobsAdminRoutes(admin, context)
    addAuditAdminRoutes(admin, db)
    addDashboardAdminRoutes(admin, db, clock)
    addBuyerAdminRoutes(admin, context)
    addImportAdminRoutes(admin, { ...context, encryption })
    addStaffAdminRoutes(admin, context)
    addStaffSessionsAdminRoutes(admin, context)
    addProfileAdminRoutes(admin, context)
    addSecurityAdminRoutes(admin, context)
    addFactorAdminRoutes(admin, { ...context, encryption, issuer: () => identity.current().names.zh })
    addAuthoringAdminRoutes(admin, context)
    addChoicesAdminRoutes(admin, context)
    addUploadAdminRoutes(admin, context, shop.uploadsFolder)
    addTrialAdminRoutes(admin, payments)
    addIdentityAdminRoutes(admin, { ...context, identity })
    addSettingsAdminRoutes(admin, { config, providers, keeper: settings, encryption, payments })
  })
}
