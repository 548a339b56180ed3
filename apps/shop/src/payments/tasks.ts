/** The tasks that payments put into the queue, with what each is told. */
import { Type } from 'typebox'

/** Sends a refund, or sends it again. */
export const SEND_REFUND = 'send-refund'
export const RefundTask = Type.Object({ refundId: Type.Integer() })

/** Closes what is left open of an order that was paid, or is being paid anew. */
export const CLOSE_ATTEMPTS = 'close-attempts'
export const CloseAttemptsTask = Type.Object({ orderId: Type.Integer() })

/** Takes a trial payment's next steps. */
export const ADVANCE_TRIAL = 'advance-trial'
export const TrialTask = Type.Object({ trialId: Type.Integer() })
