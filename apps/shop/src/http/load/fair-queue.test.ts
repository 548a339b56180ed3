import { expect, test } from 'vitest'
import { createFairQueue } from './fair-queue.ts'

function filled(...items: string[]) {
  let time = 0
  const queue = createFairQueue<string>(() => time++)
  for (const item of items) queue.push(item[0] ?? '', item)
  return queue
}
const takeAll = (queue: ReturnType<typeof filled>) => Array.from({ length: queue.length() }, () => queue.take())

test('senders take turns, each with its oldest item', () => {
  const queue = filled('a1', 'a2', 'a3', 'b1', 'c1', 'c2')
  expect(queue.take()).toBe('a1')
  queue.push('d', 'd1')
  expect(takeAll(queue)).toEqual(['b1', 'c1', 'a2', 'd1', 'c2', 'a3'])
  expect([queue.take(), queue.length(), queue.lanes().size]).toEqual([undefined, 0, 0])
})

test('a sender’s waiting time starts anew once nothing of it waits', () => {
  const queue = filled('a1', 'a2', 'b1')
  const since = (sender: string) => queue.lanes().get(sender)?.since
  expect([since('a'), since('b')]).toEqual([0, 1])
  queue.remove('b', 'b1')
  queue.remove('b', 'never there')
  queue.push('b', 'b2')
  queue.take()
  expect([since('a'), since('b')]).toEqual([0, 2])
})

test('the sender with the most items makes room, if it has enough of them', () => {
  const queue = filled('a1', 'a2', 'a3', 'b1')
  expect(queue.dropOfLongest(4)).toBeUndefined()
  expect(queue.dropOfLongest(3)).toBe('a3')
  expect(takeAll(queue)).toEqual(['a1', 'b1', 'a2'])
})
