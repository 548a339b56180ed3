/** The audit log: every address of the back office that changes something writes who did it, from where, and what it was before. */
import './audit/payments.ts'
import './audit/catalog.ts'
import './audit/people.ts'
import './audit/log.ts'
