/** The clock, handed in wherever a rule about money or time needs it, so that a test can move it. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()
