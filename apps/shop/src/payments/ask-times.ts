/** When the gateway is asked about attempts that nobody has told us about. */

/** How long after each question the next one comes, in seconds; the last is repeated. */
export const ASK_AGAIN_SECONDS = [30, 60, 120, 300, 600, 1800]

/** When an attempt is first asked about, in seconds after it was opened. */
export const FIRST_ASK_SECONDS = 60

/** The gateway's clock and ours may differ by this much: an order ends that long after its pay link did. */
export const CLOCK_MARGIN_MS = 60_000
