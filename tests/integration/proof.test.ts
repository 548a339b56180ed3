/** A session alone cannot redirect money: credential proofs, their age, refunds above the limit, and how long sessions last. */
import './proof/asking.ts'
import './proof/money.ts'
import './proof/sessions.ts'
