/** The audit log: every route of the back office that changes something records who did it, from where, and the value before. */
import './audit/payments.ts'
import './audit/catalog.ts'
import './audit/people.ts'
import './audit/log.ts'
