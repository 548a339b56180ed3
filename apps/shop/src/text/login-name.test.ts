/** Names are folded the same way everywhere, and names that look like others are refused. */
import { expect, test } from 'vitest'
import { foldName, nameProblem } from './login-name.ts'

test.each([
  ['Admin', 'admin'],
  ['ａｄｍｉｎ', 'admin'],
  ['\u212aelvin', 'kelvin'],
  ['ﬁona', 'fiona'],
  ['Straße', 'strasse'],
  ['STRAẞE', 'strasse'],
  ['ΟΔΥΣΣΕΥΣ', 'οδυσσευσ'],
  ['Οδυσσεύς', 'οδυσσεύσ'],
  ['e\u0301va', 'éva'],
  [' 李编辑 ', '李编辑'],
  ['ｱｲｳ', 'アイウ'],
])('%s is stored and compared as %s', (name, folded) => {
  expect(foldName(name)).toBe(folded)
})

test('a dotted capital İ is not an i: it matches no other account, and cannot be registered', () => {
  expect(foldName('vİc')).not.toBe(foldName('vic'))
  expect(nameProblem('vİc')).toBe('form')
})

/** Han and Hangul have no case, and are most of Unicode. */
const FOLDED = /(?![\p{sc=Han}\p{sc=Hangul}])[\p{L}\p{M}\p{N}\p{S}]/u

test('folding is idempotent and independent of case, for every letter of Unicode', () => {
  const wrong: string[] = []
  for (let point = 0; point <= 0x10ffff; point += 1) {
    const letter = String.fromCodePoint(point)
    if (!FOLDED.test(letter)) continue
    const name = `a${letter}b`
    const folded = foldName(name)
    const others = [folded, name.toUpperCase(), name.toLowerCase(), name.normalize('NFD'), name.normalize('NFKD')]
    if (others.some((other) => foldName(other) !== folded)) wrong.push(point.toString(16))
  }
  expect(wrong).toEqual([])
})

test.each([
  ['аdmin', 'mixed', 'a Cyrillic a'],
  ['admіn', 'mixed', 'a Cyrillic i'],
  ['rοοt', 'mixed', 'Greek omicrons'],
  ['ɑdmin', 'mixed', 'a phonetic a'],
  ['ꭰꭱꭲ', 'mixed', 'Cherokee, a script of limited use'],
  ['асе', 'lookalike', 'ace, in Cyrillic'],
  ['АСЕ', 'lookalike', 'ACE, in Cyrillic'],
  ['ВЕТА', 'lookalike', 'BETA, in Cyrillic capitals'],
  ['ΑΒΕ', 'lookalike', 'ABE, in Greek'],
  ['adm丨n', 'lookalike', 'a Han stroke for an l'],
  ['r〇〇t', 'lookalike', 'Han zeros for o'],
  ['a\u200bdmin', 'form', 'a zero-width space'],
  ['ad\u00admin', 'form', 'a soft hyphen'],
  ['admin\u0301\u0302', 'form', 'marks that join no letter'],
  ['\u3164\u3164\u3164', 'form', 'Hangul fillers, which are invisible'],
  ['root٣', 'form', 'an Arabic digit'],
  ['a b c', 'form', 'spaces'],
  ['---', 'form', 'no letter or digit'],
  ['李编', 'form', 'two letters'],
  ['ﷺ', 'form', 'a ligature of eighteen letters and spaces'],
])('%s is refused: %s (%s)', (name, problem, _what) => {
  expect(nameProblem(name)).toBe(problem)
})

test.each([
  ...['admin', 'Ann.Lee-3_', '李编辑', 'li编辑', '王〇三', '田中ロボー', 'サーバー', '김철수kim', 'ㄅㄆㄇ张'],
  ...['Łukasz', 'ñandú', 'nǚshì', 'Straße', 'иван', 'Марина', 'мама', 'Νικόλας', 'ｖｉｃｋｙ', 'שרהלוי', 'محمد2'],
])('%s may be registered', (name) => {
  expect(nameProblem(name)).toBeUndefined()
})
