/** The web server of one process: every subject's routes, the pages, and what an operator looks at. */
import { addDesk } from './accounts/desk.ts'
import { addFactorDesk } from './accounts/factor-routes.ts'
import { keepLastSeen } from './accounts/last-seen.ts'
import { addProfileDesk } from './accounts/profile-routes.ts'
import { addAccountRoutes } from './accounts/routes.ts'
import { addStaffDesk } from './accounts/staff-routes.ts'
import { addStaffSessionsDesk } from './accounts/staff-session-routes.ts'
import { addAuditDesk } from './backoffice/audit-routes.ts'
import { addBuyerDesk } from './backoffice/buyer-routes.ts'
import { addDashboardDesk } from './backoffice/dashboard-routes.ts'
import { addExportDesk } from './backoffice/export-routes.ts'
import { addJobsDesk } from './backoffice/jobs-routes.ts'
import { addOrderDesk } from './backoffice/order-routes.ts'
import { addAuthoringDesk } from './catalog/authoring-routes.ts'
import { addChoicesDesk } from './catalog/choices-routes.ts'
import { DEMO_VIDEOS } from './catalog/demo.ts'
import { keepAnswers } from './catalog/kept-answers.ts'
import { addCatalogRoutes, firstCover } from './catalog/routes.ts'
import { addPictureRoute, addUploadDesk } from './catalog/upload-routes.ts'
import { listenForAnnouncements } from './database/announcements.ts'
import { watchReadiness } from './database/readiness.ts'
import { addImportDesk } from './enrolments/import-routes.ts'
import { seesAll } from './enrolments/readers.ts'
import { addEnrolmentRoutes } from './enrolments/routes.ts'
import { addHealthDesk, measureHealth } from './health/routes.ts'
import { type Application, createApplication } from './http/application.ts'
import { addOperatorRoutes } from './http/operator.ts'
import { createOverload } from './http/overload.ts'
import { addPages } from './http/pages.ts'
import { watchOrders } from './orders/events.ts'
import { addOrderRoutes } from './orders/routes.ts'
import { addInboxDesk } from './payments/inbox-routes.ts'
import { addRefundDesk, addRefundRoutes } from './payments/refund-routes.ts'
import { addPaymentRoutes } from './payments/routes.ts'
import { addSettingsDesk } from './payments/settings-routes.ts'
import { addTrialDesk } from './payments/trial-routes.ts'
import { addReconciliationDesk } from './reconciliation/routes.ts'
import { dressPage } from './settings/identity.ts'
import { addIdentityDesk, addLogoRoute } from './settings/routes.ts'
import type { Shop } from './shop.ts'
import { addShopRoutes } from './storefront.ts'

export async function createServer(shop: Shop): Promise<Application> {
  const { config, connection, sessions, viewers, payments, providers, seal, settings, identity, log } = shop
  const { db } = connection
  const { clock } = payments
  const { publicUrl, trustedProxies } = config
  const overload = createOverload(connection.pool.options.max)
  const app = await createApplication({ logger: log, trustedProxies, publicUrl, overload })
  const announcements = listenForAnnouncements(connection.servers)
  app.addHook('onClose', () => announcements.close())
  const events = watchOrders(announcements)
  app.addHook('onReady', async () => {
    await Promise.all([settings.refresh(), identity.refresh()]).catch((error) =>
      log.error({ err: error }, 'settings not read yet'),
    )
  })
  app.addHook('onClose', settings.keepUp(announcements))
  app.addHook('onClose', identity.keepUp(announcements))

  addDesk(app, viewers, keepLastSeen(db, clock, log), (desk) => {
    addOrderDesk(desk, payments)
    addExportDesk(desk, db, clock)
    addRefundDesk(desk, payments)
    addInboxDesk(desk, payments)
    addReconciliationDesk(desk, payments)
    addHealthDesk(desk, db, clock)
    addJobsDesk(desk, db, clock)
    addAuditDesk(desk, db)
    addDashboardDesk(desk, db, clock)
    addBuyerDesk(desk, db, clock)
    addImportDesk(desk, { db, seal, clock })
    addStaffDesk(desk, db, clock)
    addStaffSessionsDesk(desk, db, clock)
    addProfileDesk(desk, db, clock)
    addFactorDesk(desk, { db, seal, clock, issuer: () => identity.current().names.zh })
    addAuthoringDesk(desk, db, clock)
    addChoicesDesk(desk, db, clock)
    addUploadDesk(desk, db, shop.uploadsFolder, clock)
    addTrialDesk(desk, payments)
    addIdentityDesk(desk, { db, identity, clock })
    addSettingsDesk(desk, { config, providers, keeper: settings, seal, payments })
  })
  addShopRoutes(app, shop)
  addLogoRoute(app, { db, identity, clock })
  addAccountRoutes(app, { db, seal, sessions, viewers, clock, publicUrl })
  const kept = keepAnswers(announcements)
  addCatalogRoutes(app, {
    db,
    kept,
    async seesDraft(request, courseId) {
      const viewer = await viewers.find(request)
      return viewer !== undefined && seesAll(db, viewer.user, courseId)
    },
  })
  addPictureRoute(app, shop.uploadsFolder)
  const streams = addOrderRoutes(app, { db, viewers, events })
  addPaymentRoutes(app, payments)
  providers.addRoutes(app, payments)
  addRefundRoutes(app, payments)
  addEnrolmentRoutes(app, { db, viewers, clock, videos: { demo: DEMO_VIDEOS, uploaded: shop.uploadsFolder } })
  addOperatorRoutes(app, { connection, readiness: watchReadiness(connection), overload, streams })
  measureHealth(db)
  await addPages(app, {
    dress: (html) => dressPage(html, identity.current()),
    picture: (path) => firstCover(kept, path),
  })
  return app
}
