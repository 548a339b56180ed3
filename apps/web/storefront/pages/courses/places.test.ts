import { expect, test } from 'vitest'
import { sendsPlaces } from './places.ts'

/** A server that answers on demand, and records what it was sent, in order. */
function slowServer() {
  const sent: string[] = []
  const open: (() => void)[] = []
  const send = (courseId: number, lessonId: number) => {
    sent.push(`${courseId}/${lessonId}`)
    return new Promise<void>((resolve) => open.push(resolve))
  }
  const answer = async () => {
    open.shift()?.()
    await new Promise((done) => setImmediate(done))
  }
  return { sent, send, answer }
}

test('one place is sent at a time, the newest last, and of a course only the newest of those that waited', async () => {
  const { sent, send, answer } = slowServer()
  const places = sendsPlaces(send)
  void places.put(1, 11)
  void places.put(1, 12)
  void places.put(2, 21)
  void places.put(1, 13)
  expect(sent).toEqual(['1/11'])
  expect(places.underway(1)).toBe(13)
  await answer()
  expect(sent).toEqual(['1/11', '1/13'])
  await answer()
  expect(sent).toEqual(['1/11', '1/13', '2/21'])
  expect([places.underway(1), places.underway(2)]).toEqual([undefined, 21])
  await answer()
  expect(places.underway(2)).toBeUndefined()
  void places.put(1, 14)
  expect(sent.at(-1)).toBe('1/14')
})

test('what waits is sent at once where the page is left, and only once', async () => {
  const { sent, send, answer } = slowServer()
  const places = sendsPlaces(send)
  void places.put(1, 11)
  void places.put(1, 12)
  places.hurry()
  expect(sent).toEqual(['1/11', '1/12'])
  await answer()
  await answer()
  expect(sent).toHaveLength(2)
})

test('a place that could not be sent does not hold back the next one', async () => {
  const sent: number[] = []
  const places = sendsPlaces(async (_, lessonId) => {
    sent.push(lessonId)
    if (lessonId === 11) throw new Error('no')
  })
  await expect(places.put(1, 11)).rejects.toThrow('no')
  await places.put(1, 12)
  expect(sent).toEqual([11, 12])
})
