import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLoadShedder, type Slots } from './load-shedding.ts'
import type { Priority, Room } from './waiting-line.ts'

beforeEach(() =>
  vi.useFakeTimers({
    toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'setImmediate', 'performance'],
  }),
)
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

function rig(places: Slots, room?: Room) {
  const shedder = createLoadShedder(places, room)
  const [admitted, refused]: [string[], string[]] = [[], []]
  const come = (priority: Priority, name: string, sender = 'visitor') =>
    shedder.enter(
      priority,
      sender,
      () => admitted.push(name),
      () => refused.push(name),
    )
  return { shedder, admitted, refused, come }
}

test('admits as many as there are slots, and the next one as soon as a slot is free', () => {
  const { shedder, admitted, come } = rig({ money: 2, browsing: 2 })
  for (const name of ['1', '2', '3', '4']) come('payment', name)
  expect(admitted).toEqual(['1', '2'])
  shedder.leave('payment')
  expect(admitted).toEqual(['1', '2', '3'])
  expect([shedder.inHand('payment'), shedder.waiting('payment')]).toEqual([2, 1])
})

test('while payments wait and progress, browsing waits except for a trickle', () => {
  const { shedder, admitted, come } = rig({ money: 1, browsing: 9 })
  for (const name of ['p1', 'p2', 'p3']) come('payment', name)
  for (const name of ['b1', 'b2', 'b3', 'b4']) come('browsing', name)
  expect(admitted).toEqual(['p1'])
  vi.advanceTimersByTime(1)
  expect(admitted).toEqual(['p1', 'b1'])
  shedder.leave('browsing')
  vi.advanceTimersByTime(10)
  expect(admitted).toEqual(['p1', 'b1'])
  vi.advanceTimersByTime(20)
  expect(admitted).toEqual(['p1', 'b1', 'b2'])
  shedder.leave('payment')
  expect(admitted).toEqual(['p1', 'b1', 'b2', 'p2'])
  shedder.leave('payment')
  vi.advanceTimersByTime(1)
  expect(admitted).toEqual(['p1', 'b1', 'b2', 'p2', 'p3', 'b3', 'b4'])
})

test('while there is no free slot, the event loop sleeps until one is released', () => {
  const { shedder, admitted, come } = rig({ money: 1, browsing: 1 })
  for (const name of ['1', '2']) come('payment', name)
  vi.advanceTimersByTime(0)
  const onlyTheLookNowAndThen = 1
  expect(vi.getTimerCount()).toBe(onlyTheLookNowAndThen)
  shedder.leave('payment')
  expect(admitted).toEqual(['1', '2'])
})

test('a turn of the event loop starts no more than it has time for, payments first', () => {
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

test('notifications share the slots of payments, go before them, and wait longer', () => {
  const { shedder, admitted, refused, come } = rig({ money: 3, browsing: 1 })
  for (const name of ['p1', 'p2', 'p3', 'p4', 'p5']) come('payment', name)
  for (const name of ['n1', 'n2']) come('notification', name)
  shedder.leave('payment')
  expect(admitted).toEqual(['p1', 'p2', 'p3', 'n1'])
  // Two slots are reserved for payments.
  shedder.leave('payment')
  expect(admitted).toEqual(['p1', 'p2', 'p3', 'n1', 'p4'])
  vi.advanceTimersByTime(3000)
  expect(refused).toEqual(['p5'])
  shedder.leave('notification')
  expect(admitted).toEqual(['p1', 'p2', 'p3', 'n1', 'p4', 'n2'])
})

test('pages need no slot: they are served while all others wait for a database', () => {
  const { admitted, come } = rig({ money: 1, browsing: 1 })
  for (const name of ['p1', 'p2']) come('payment', name)
  for (const name of ['b1', 'b2']) come('browsing', name)
  vi.advanceTimersByTime(300)
  for (const name of ['page 1', 'page 2']) come('page', name)
  expect(admitted).toEqual(['p1', 'b1', 'page 1', 'page 2'])
})

test('payments that do not progress block no other request', () => {
  const { admitted, come } = rig({ money: 1, browsing: 9 })
  for (const name of ['p1', 'p2']) come('payment', name)
  for (const name of ['b1', 'b2', 'b3']) come('browsing', name)
  vi.advanceTimersByTime(300)
  expect(admitted).toEqual(['p1', 'b1', 'b2', 'b3'])
})

test('a burst waits; in a persistent queue, a request that waited a quarter of a second is refused', () => {
  const { shedder, admitted, refused, come } = rig({ money: 1, browsing: 1 })
  come('payment', 'in hand')
  come('payment', 'burst')
  vi.advanceTimersByTime(600)
  expect(refused).toEqual([])
  come('payment', 'late')
  vi.advanceTimersByTime(200)
  expect(refused).toEqual(['burst'])
  vi.advanceTimersByTime(100)
  expect(refused).toEqual(['burst', 'late'])
  shedder.leave('payment')
  come('payment', 'afterwards')
  expect(admitted).toEqual(['in hand', 'afterwards'])
})

test('a waiter that gives up takes no slot; one that comes back is admitted at once', () => {
  const { shedder, admitted, refused, come } = rig({ money: 1, browsing: 1 })
  come('payment', '1')
  come('payment', 'gone')?.()
  come('payment', '2')
  expect(shedder.waiting('payment')).toBe(1)
  shedder.leave('payment') // waits outside
  expect(admitted).toEqual(['1', '2'])
  shedder.comeBack('payment')
  expect(shedder.inHand('payment')).toBe(2)
  shedder.leave('payment')
  come('payment', '3')
  expect(admitted).toEqual(['1', '2'])
  shedder.leave('payment')
  expect([admitted, refused]).toEqual([['1', '2', '3'], []])
})

test('thousands of immediate answers do not pile up on the stack', () => {
  const shedder = createLoadShedder({ money: 1, browsing: 1 }, { sender: 5000, all: 5000 })
  let answered = 0
  shedder.enter(
    'browsing',
    'visitor',
    () => {},
    () => {},
  )
  for (let count = 0; count < 5000; count += 1) {
    const answer = () => {
      answered += 1
      shedder.leave('browsing')
    }
    shedder.enter('browsing', 'visitor', answer, () => {})
  }
  shedder.leave('browsing')
  expect(answered).toBe(5000)
})

test('senders take turns: fifty requests of one sender delay the others by one request', () => {
  const { shedder, admitted, refused, come } = rig({ money: 1, browsing: 1 })
  come('payment', 'in hand')
  for (let count = 0; count < 50; count += 1) come('payment', `flood ${count}`, 'flood')
  for (const buyer of ['1', '2', '3']) come('payment', buyer, `buyer ${buyer}`)
  for (let count = 0; count < 5; count += 1) shedder.leave('payment')
  expect(admitted).toEqual(['in hand', 'flood 0', '1', '2', '3', 'flood 1'])
  expect(refused).toEqual([])
})

test('only the sender that has waited for long is refused; a burst of another still waits', () => {
  const { shedder, admitted, refused, come } = rig({ money: 1, browsing: 1 })
  come('payment', 'in hand')
  for (let count = 0; count < 5; count += 1) come('payment', `flood ${count}`, 'flood')
  vi.advanceTimersByTime(650)
  for (let count = 5; count < 9; count += 1) come('payment', `flood ${count}`, 'flood')
  come('payment', 'buyer', 'buyer')
  vi.advanceTimersByTime(400)
  expect(refused).toHaveLength(9)
  shedder.leave('payment')
  expect(admitted).toEqual(['in hand', 'buyer'])
})

test('when the queue is full, the sender with the most items gives way and is refused a moment later', () => {
  const { shedder, admitted, refused, come } = rig({ money: 1, browsing: 1 }, { sender: 4, all: 5 })
  come('payment', 'in hand')
  for (let count = 0; count < 5; count += 1) come('payment', `flood ${count}`, 'flood')
  expect(shedder.waiting('payment')).toBe(4)
  for (const buyer of ['1', '2', '3', '4', '5']) come('payment', buyer, `buyer ${buyer}`)
  expect([shedder.waiting('payment'), refused]).toEqual([5, []])
  vi.advanceTimersByTime(250)
  // One exceeds the sender's limit of four, and each buyer beyond the room replaces a request; the last finds no sender
  // with two.
  expect(refused).toEqual(['flood 4', 'flood 3', 'flood 2', 'flood 1', '5'])
  for (let count = 0; count < 5; count += 1) shedder.leave('payment')
  expect(admitted).toEqual(['in hand', 'flood 0', '1', '2', '3', '4'])
})

test('while money is in progress, other requests get a sixth of the time, and all of it before and afterwards', () => {
  let worked = 0
  const shedder = createLoadShedder({ money: 2, browsing: 9 }, undefined, () => performance.now() + worked)
  const begun = { flood: 0, visitor: 0 }
  const browse = (sender: 'flood' | 'visitor') => {
    shedder.enter(
      'page',
      sender,
      () => {
        begun[sender] += 1
        worked += 2 // the milliseconds this page takes
        browse(sender)
        shedder.leave('page')
      },
      () => {},
    )
  }
  shedder.enter(
    'payment',
    'buyer',
    () => {},
    () => {},
  )
  for (let count = 0; count < 30; count += 1) browse('flood')
  browse('visitor')
  for (let time = 0; time < 20; time += 1) {
    vi.advanceTimersByTime(10)
    shedder.enter(
      'payment',
      'buyer',
      () => {},
      () => {},
    )
    shedder.leave('payment')
  }
  // Two milliseconds each, followed by a pause of ten: about twenty in two hundred milliseconds.
  expect(begun.flood + begun.visitor).toBeGreaterThan(12)
  expect(begun.flood + begun.visitor).toBeLessThan(25)
  expect(Math.abs(begun.flood - begun.visitor)).toBeLessThan(3)
  const before = begun.flood
  shedder.leave('payment')
  vi.advanceTimersByTime(200)
  expect(begun.flood).toBeGreaterThan(before + 50)
})
