/** When to query the gateway about attempts for which no notification has arrived. */

/** Delays between queries, in seconds; the last one repeats. */
export const QUERY_AGAIN_SECONDS = [30, 60, 120, 300, 600, 1800]

/** Delay between opening an attempt and the first query, in seconds. */
export const FIRST_QUERY_SECONDS = 60

/** How far the gateway's clock and ours may differ: an order expires this long after its pay link. */
export const CLOCK_MARGIN_MS = 60_000
