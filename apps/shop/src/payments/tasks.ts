/** The tasks that payments add to the queue, with their payloads. */
import { Type } from 'typebox'

/** Sends a refund, or sends it again. */
export const SEND_REFUND = 'send-refund'
export const RefundTask = Type.Object({ refundId: Type.Integer() })

/** Closes the attempts still open on an order that was paid, or is being paid again. */
export const CLOSE_ATTEMPTS = 'close-attempts'
export const CloseAttemptsTask = Type.Object({ orderId: Type.Integer() })

/** Runs the next steps of a trial payment. */
export const ADVANCE_TRIAL = 'advance-trial'
export const TrialTask = Type.Object({ trialId: Type.Integer() })
