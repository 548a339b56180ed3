/** What the doctor sends to our notify address, and no gateway would; the inbox knows it again. */
export const NOTIFY_PROBE = 'notify_type=trade_status_sync'
