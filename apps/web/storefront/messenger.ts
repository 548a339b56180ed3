/** Whether this is WeChat's in-app browser, which blocks the cashiers of all payment platforms. */
export const inMessenger = (): boolean => /MicroMessenger/i.test(navigator.userAgent)

/** Whether this is a phone, by the same rule as on the server. */
export const onPhone = (): boolean => /\b(Mobile|Android|iPhone|iPod)\b/.test(navigator.userAgent)
