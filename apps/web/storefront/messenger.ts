/** Whether this is the browser inside WeChat, which blocks the cashiers of every payment platform. */
export const inMessenger = (): boolean => /MicroMessenger/i.test(navigator.userAgent)
