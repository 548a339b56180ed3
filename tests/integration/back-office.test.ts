/** The back office, over one shop: the inbox, unmatched payments, money health, jobs, and who may do what. */
import './back-office/health.ts'
import './back-office/inbox.ts'
import './back-office/jobs.ts'
import './back-office/permissions.ts'
