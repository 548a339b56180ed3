import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { csvLine, unmarked } from './csv.ts'

const read = (line: string): string[] => parse(line)[0] ?? []

test.each([
  ...['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1+1', '＋1', '－1', '＠SUM(A1)', '﹦1', '−1'],
  ...[' =1+1', '\u3000＝1', '\u00a0@x', '\n=1', '\u200b=1', '\ufeff=1', '\u202e=1', '\0=1', "'=1"],
])('%j is marked as text, and read back as it was', (cell) => {
  const [kept = ''] = read(csvLine([cell]))
  expect(kept).toBe(`'${cell}`)
  expect(unmarked(kept)).toBe(cell)
})

test.each(['', 'a=1', '屏风＝看懂', "'quoted'", '价格 -1', 'he said "no", and\nleft'])('%j is not marked', (cell) => {
  expect(read(csvLine([cell, 'x']))).toEqual([cell, 'x'])
  expect(unmarked(cell)).toBe(cell)
})
