/**
 * Files made to take long: each is refused at the first limit it exceeds, and a large valid one does not block the
 * event loop.
 */
import { expect, test } from 'vitest'
import { MAX_BYTES, MAX_ROWS, readFile } from './file.ts'

/** Reads a file, and counts the turns of the event loop that other work had meanwhile. */
async function read(text: string): Promise<{ rows: number; problem: string | undefined; turns: number }> {
  let turns = 0
  let done = false
  const count = () => {
    turns += 1
    if (!done) setImmediate(count)
  }
  setImmediate(count)
  const { rows, problem } = await readFile(Buffer.from(text))
  done = true
  return { rows: rows.length, problem: problem && `${problem.line} ${problem.code}`, turns }
}

test('five megabytes of commas, of one cell, of one quoted cell: too wide, found in the first piece', async () => {
  const head = 'username,course\n'
  const wide = [','.repeat(MAX_BYTES), 'x'.repeat(MAX_BYTES), `"${'x,\n'.repeat(MAX_BYTES / 3)}`]
  for (const text of wide) expect((await read(text)).problem).toMatch(/^\d+ TOO_WIDE$/)
  const second = await read(`${head}a,1\n${','.repeat(MAX_BYTES)}`)
  expect(second).toMatchObject({ rows: 0, problem: '3 TOO_WIDE' })
  expect(second.turns).toBeLessThan(10)
})

test('five megabytes of empty lines are too many rows', async () => {
  expect((await read(`username,course\n${'\n'.repeat(MAX_BYTES)}`)).problem).toMatch(/TOO_MANY_ROWS$/)
})

test('a large file is read in many turns', async () => {
  const row = `${'用户'.repeat(30)},1,${'x'.repeat(100)}\n`
  const large = await read(`username,course,note\n${row.repeat(MAX_ROWS)}`)
  expect(large).toMatchObject({ rows: MAX_ROWS, problem: undefined })
  expect(large.turns).toBeGreaterThan(200)
})

test('what is quoted may hold separators, quotes and line ends', async () => {
  const { rows } = await readFile(
    Buffer.from('username,displayName,course\r\n"a","say ""hi"",\nthere",1\r\nb,乙,2\r\n'),
  )
  expect(rows.map(({ username, displayName, course }) => [username, displayName, course])).toEqual([
    ['a', 'say "hi",\nthere', '1'],
    ['b', '乙', '2'],
  ])
})
