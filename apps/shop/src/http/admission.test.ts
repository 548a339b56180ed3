import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createAdmission, type Places, type Urgency } from './admission.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'performance'] }))
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

function rig(places: Places) {
  const admission = createAdmission(places)
  const [admitted, refused]: [string[], string[]] = [[], []]
  const come = (urgency: Urgency, name: string) =>
    admission.enter(
      urgency,
      () => admitted.push(name),
      () => refused.push(name),
    )
  return { admission, admitted, refused, come }
}

test('as many as there are places, and the next one as soon as somebody leaves', () => {
  const { admission, admitted, come } = rig({ money: 2, browsing: 2 })
  for (const name of ['1', '2', '3', '4']) come('payment', name)
  expect(admitted).toEqual(['1', '2'])
  admission.leave('payment')
  expect(admitted).toEqual(['1', '2', '3'])
  expect([admission.inHand('payment'), admission.waiting('payment')]).toEqual([2, 1])
})

test('while payments wait and move on, browsing waits, but for a crumb', () => {
  const { admission, admitted, come } = rig({ money: 1, browsing: 9 })
  for (const name of ['p1', 'p2', 'p3']) come('payment', name)
  for (const name of ['b1', 'b2', 'b3', 'b4']) come('browsing', name)
  expect(admitted).toEqual(['p1', 'b1'])
  admission.leave('browsing')
  vi.advanceTimersByTime(10)
  expect(admitted).toEqual(['p1', 'b1'])
  vi.advanceTimersByTime(20)
  expect(admitted).toEqual(['p1', 'b1', 'b2'])
  admission.leave('payment')
  expect(admitted).toEqual(['p1', 'b1', 'b2', 'p2'])
  admission.leave('payment')
  expect(admitted).toEqual(['p1', 'b1', 'b2', 'p2', 'p3', 'b3', 'b4'])
})

test('while there is no room, the event loop sleeps until somebody leaves', () => {
  const { admission, admitted, come } = rig({ money: 1, browsing: 1 })
  for (const name of ['1', '2']) come('payment', name)
  vi.advanceTimersByTime(0)
  const onlyTheLookNowAndThen = 1
  expect(vi.getTimerCount()).toBe(onlyTheLookNowAndThen)
  admission.leave('payment')
  expect(admitted).toEqual(['1', '2'])
})

test('a turn of the loop begins no more than it has time for, payments first', () => {
  const { admitted, come } = rig({ money: 9, browsing: 9 })
  come('browsing', 'b1')
  vi.advanceTimersByTime(0)
  come('browsing', 'b2')
  const late = performance.now() + 10
  vi.spyOn(performance, 'now').mockReturnValue(late)
  come('browsing', 'b3')
  come('payment', 'p1')
  expect(admitted).toEqual(['b1', 'b2'])
  vi.advanceTimersToNextTimer()
  expect(admitted).toEqual(['b1', 'b2', 'p1', 'b3'])
})

test('notifications share the places of payments, go before them, and wait longer', () => {
  const { admission, admitted, refused, come } = rig({ money: 3, browsing: 1 })
  for (const name of ['p1', 'p2', 'p3', 'p4', 'p5']) come('payment', name)
  for (const name of ['n1', 'n2']) come('notification', name)
  admission.leave('payment')
  expect(admitted).toEqual(['p1', 'p2', 'p3', 'n1'])
  // Two places are payments' own.
  admission.leave('payment')
  expect(admitted).toEqual(['p1', 'p2', 'p3', 'n1', 'p4'])
  vi.advanceTimersByTime(3000)
  expect(refused).toEqual(['p5'])
  admission.leave('notification')
  expect(admitted).toEqual(['p1', 'p2', 'p3', 'n1', 'p4', 'n2'])
})

test('pages need no place: they come while everybody else waits for a database', () => {
  const { admitted, come } = rig({ money: 1, browsing: 1 })
  for (const name of ['p1', 'p2']) come('payment', name)
  for (const name of ['b1', 'b2']) come('browsing', name)
  vi.advanceTimersByTime(300)
  for (const name of ['page 1', 'page 2']) come('page', name)
  expect(admitted).toEqual(['p1', 'b1', 'page 1', 'page 2'])
})

test('payments that do not move on keep nobody out', () => {
  const { admitted, come } = rig({ money: 1, browsing: 9 })
  for (const name of ['p1', 'p2']) come('payment', name)
  for (const name of ['b1', 'b2', 'b3']) come('browsing', name)
  vi.advanceTimersByTime(300)
  expect(admitted).toEqual(['p1', 'b1', 'b2', 'b3'])
})

test('a burst waits its turn; in a queue that stands, whoever has waited a quarter of a second is sent away', () => {
  const { admission, admitted, refused, come } = rig({ money: 1, browsing: 1 })
  come('payment', 'in hand')
  come('payment', 'burst')
  vi.advanceTimersByTime(600)
  expect(refused).toEqual([])
  come('payment', 'late')
  vi.advanceTimersByTime(200)
  expect(refused).toEqual(['burst'])
  vi.advanceTimersByTime(100)
  expect(refused).toEqual(['burst', 'late'])
  admission.leave('payment')
  come('payment', 'afterwards')
  expect(admitted).toEqual(['in hand', 'afterwards'])
})

test('who gives up waiting takes no place; who comes back is let in at once', () => {
  const { admission, admitted, refused, come } = rig({ money: 1, browsing: 1 })
  come('payment', '1')
  come('payment', 'gone')?.()
  come('payment', '2')
  expect(admission.waiting('payment')).toBe(1)
  admission.leave('payment') // waits outside
  expect(admitted).toEqual(['1', '2'])
  admission.comeBack('payment')
  expect(admission.inHand('payment')).toBe(2)
  admission.leave('payment')
  come('payment', '3')
  expect(admitted).toEqual(['1', '2'])
  admission.leave('payment')
  expect([admitted, refused]).toEqual([['1', '2', '3'], []])
})

test('thousands that are answered at once do not pile up on the stack', () => {
  const admission = createAdmission({ money: 1, browsing: 1 })
  let answered = 0
  admission.enter(
    'browsing',
    () => {},
    () => {},
  )
  for (let count = 0; count < 20_000; count += 1) {
    const answer = () => {
      answered += 1
      admission.leave('browsing')
    }
    admission.enter('browsing', answer, () => {})
  }
  admission.leave('browsing')
  expect(answered).toBe(20_000)
})
