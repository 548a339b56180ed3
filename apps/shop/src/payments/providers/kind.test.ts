/** What pages are told of the methods: every kind there is, whatever it is called, and which of them take payments. */
import { expect, test } from 'vitest'
import { describeMethods } from './kind.ts'
import { PAY_TYPES } from './names.ts'
import { KINDS } from './registry.ts'

const face = {
  title: { 'zh-CN': '第三种', en: 'Third Pay' },
  hint: { 'zh-CN': '用第三种付款', en: 'Pay with the third' },
  phoneHint: { 'zh-CN': '打开第三种付款', en: 'Open the third to pay' },
  app: { 'zh-CN': '第三种', en: 'Third' },
  mark: '三',
  colour: '#333333',
}

test('a third kind is described as it says, beside the others', () => {
  const described = describeMethods([...KINDS, { name: 'third', face }], ['third'])
  expect(described.map(({ name, offered }) => [name, offered])).toEqual([
    ...PAY_TYPES.map((name) => [name, false]),
    ['third', true],
  ])
  expect(described.at(-1)).toEqual({ name: 'third', offered: true, ...face })
})

test('where a phone is given a code as well, it reads the words for a code', () => {
  const [same, other] = ['alipay', 'third'].map((name) => describeMethods([{ name, face }], [name], ['third'])[0])
  expect([same?.phoneHint, other?.phoneHint]).toEqual([face.phoneHint, face.hint])
})

test('every kind has its words in both languages, a mark of one character and a colour', () => {
  for (const { title, hint, phoneHint, app, mark, colour } of describeMethods(KINDS, [])) {
    for (const words of [title, hint, phoneHint, app]) {
      expect(words['zh-CN']).toMatch(/\p{Script=Han}/u)
      expect(words.en).toMatch(/^[A-Z][\x20-\x7e]+$/)
    }
    expect([...mark]).toHaveLength(1)
    expect(colour).toMatch(/^#[0-9a-f]{6}$/)
  }
})
