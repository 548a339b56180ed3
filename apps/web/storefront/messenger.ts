/** Whether this is the browser inside WeChat, which blocks the cashiers of every payment platform. */
export const inMessenger = (): boolean => /MicroMessenger/i.test(navigator.userAgent)

/** Whether this is a phone, as the server tells it. */
export const onPhone = (): boolean => /\b(Mobile|Android|iPhone|iPod)\b/.test(navigator.userAgent)
