/** Hashes run one at a time, in fair turns, with pauses between them, and only as many wait as can be done soon. */
import { expect, test } from 'vitest'
import { ShopError } from '../../errors.ts'
import { createHashQueue, type HashKind } from './hash-queue.ts'

/** A queue with a simulated clock, in which each hash takes 20 ms and records when it ran. */
function harness(isBusy = false) {
  let at = 0
  const ran: string[] = []
  const rests: number[] = []
  const queue = createHashQueue(
    async (ms) => {
      rests.push(ms)
      at += ms
    },
    () => at,
    () => isBusy,
  )
  const hash = (kind: HashKind, from: string, name = from) =>
    queue.run({ kind, from }, async () => {
      await Promise.resolve()
      at += 20
      ran.push(name)
    })
  return { queue, ran, rests, hash }
}

test('a flood of one kind or from one sender delays only itself', async () => {
  const { ran, hash } = harness()
  const all = [
    ...Array.from({ length: 5 }, (_, n) => hash('registration', 'flood', `flood ${n}`)),
    hash('registration', 'other'),
    hash('login', 'buyer'),
    hash('import', 'import 1'),
  ]
  await Promise.all(all)
  expect(ran.slice(0, 4)).toEqual(['flood 0', 'flood 1', 'buyer', 'import 1'])
  expect(ran[4]).toBe('other')
  expect(ran).toHaveLength(8)
})

test('half of the time is left for everything else, also after an idle period', async () => {
  const { rests, hash } = harness()
  await Promise.all([hash('login', 'a'), hash('login', 'b')])
  await hash('login', 'c')
  expect(rests).toEqual([20, 20])
})

test('while there is more urgent work, three quarters of the time are left', async () => {
  const { rests, hash } = harness(true)
  await Promise.all([hash('login', 'a'), hash('login', 'b')])
  expect(rests).toEqual([60])
})

test('a failed hash passes its turn on', async () => {
  const { queue, ran, hash } = harness()
  const failed = queue.run({ kind: 'login', from: 'a' }, () => Promise.reject(new Error('broken')))
  await Promise.all([expect(failed).rejects.toThrow('broken'), hash('login', 'b')])
  expect(ran).toEqual(['b'])
})

test('beyond a hundred, the sender with the most waiting is refused with a retry time; a class of forty is not', async () => {
  const { queue, hash } = harness()
  const outcome = (done: Promise<void>) =>
    done.then(
      () => 'done',
      (error) => (error instanceof ShopError ? `${error.code} ${error.retryAfterSeconds}` : error),
    )
  const flood = Array.from({ length: 200 }, () => outcome(hash('login', 'flood')))
  const pupils = Array.from({ length: 40 }, () => outcome(hash('login', 'school')))
  const buyer = outcome(hash('login', 'buyer'))
  const registering = outcome(hash('registration', 'flood'))
  expect(queue.waiting()).toBe(101)
  const results = await Promise.all(flood)
  expect(results.filter((result) => result === 'done')).toHaveLength(60)
  expect(results.at(-1)).toBe('PASSWORDS_BUSY 5')
  expect(new Set([...(await Promise.all(pupils)), await buyer, await registering])).toEqual(new Set(['done']))
})
