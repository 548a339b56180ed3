/** The clock, passed to every rule about money or time, so that a test can set it. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()
