import { describe, expect, test } from 'vitest'
import { renderMarkdown } from './markdown.ts'
import { createMathSetter } from './markdown-math.ts'

const render = (text: string) => renderMarkdown(text, { table: '表格', code: 'Code "x"' })

describe('a lesson', () => {
  test('shows HTML in its text, and runs none of it', () => {
    const html = render('a <script>alert(1)</script> <img src=x onerror=alert(1)>')
    expect(html).not.toMatch(/<script|<img/)
    expect(html).toContain('&lt;script&gt;')
  })

  test('refuses an address that would run', () => {
    expect(render('[x](javascript:alert(1))')).not.toContain('href')
    expect(render('[x](data:text/html,hello)')).not.toContain('href')
  })

  test('lets tables and code scroll by keyboard, under a name', () => {
    expect(render('| a |\n| - |\n| 1 |')).toContain(
      '<div class="sideways" tabindex="0" role="group" aria-label="表格"><table>',
    )
    const code = render('```js\nlet a = "<b>"\n```')
    expect(code).toContain('aria-label="Code &quot;x&quot;"')
    expect(code).toContain('&lt;b&gt;')
  })

  test('shows the shop’s own pictures; one from elsewhere is a link, and one written into the text its words', () => {
    expect(render('![屏风](/uploads/a.png)')).toContain('<img src="/uploads/a.png" alt="屏风" loading="lazy">')
    for (const abroad of ['https://example.org/a.png', '//example.org/a.png', 'data:image/png;base64,aa']) {
      expect(render(`![屏风](${abroad})`)).not.toContain('<img')
    }
    expect(render('![屏风](https://example.org/a.png)')).toContain('>屏风</a>')
  })

  test('tells the author that a picture is not shown, and no reader', () => {
    const picture = '![屏风](https://example.org/a.png)'
    const told = renderMarkdown(picture, { table: '', code: '', elsewhere: 'not <shown>' })
    expect(told).toContain('屏风</a> <small class="elsewhere">not &lt;shown&gt;</small>')
    expect(render(picture)).not.toContain('<small')
  })

  test('keeps links to other sites from learning where the reader came from', () => {
    expect(render('[x](https://example.org/)')).toContain('rel="noopener noreferrer"')
    expect(render('[x](/courses/1)')).not.toContain('rel=')
  })

  test('never has a second title beside the page’s own', () => {
    expect(render('# One\n\n## Two')).toBe('<h2 id="h-one">One</h2>\n<h3 id="h-two">Two</h3>\n')
    expect(render('## Two')).toBe('<h2 id="h-two">Two</h2>\n')
  })

  test('an image says what it shows', () => {
    expect(render('![a **window**](/x.svg)')).toContain('alt="a window"')
  })
})

describe('Chinese', () => {
  test.each([
    ['**注意：**请先保存', '<strong>注意：</strong>请先保存'],
    ['他说**“你好”**就走了', '他说<strong>“你好”</strong>就走了'],
    ['用**函数（function）**来做', '用<strong>函数（function）</strong>来做'],
    ['~~原价：~~现价', '<s>原价：</s>现价'],
    ['*强调。*后面', '<em>强调。</em>后面'],
    ['**`代码`**很好', '<strong><code>代码</code></strong>很好'],
  ])('%s', (text, html) => expect(render(text)).toContain(html))

  test('a line end between two Chinese characters makes no gap; one beside a Latin word does', () => {
    expect(render('屏风\n看懂')).toBe('<p>屏风看懂</p>\n')
    expect(render('屏风，\n**看懂**')).toBe('<p>屏风，<strong>看懂</strong></p>\n')
    expect(render('屏风\nVue 课')).toBe('<p>屏风\nVue 课</p>\n')
    expect(render('한국어\n한국어')).toBe('<p>한국어\n한국어</p>\n')
  })

  test('a bare link ends where Chinese begins', () => {
    const html = render('请看https://example.org/a?b=1。然后')
    expect(html).toContain(
      '<a href="https://example.org/a?b=1" rel="noopener noreferrer">https://example.org/a?b=1</a>。然后',
    )
    expect(render('看 example.com 和 a@b.cn')).not.toContain('<a')
    expect(render('https://example.org/甲乙 好')).toContain(
      '<a href="https://example.org/" rel="noopener noreferrer">https://example.org/</a>甲乙 好',
    )
  })
})

describe('what course writers use', () => {
  test('footnotes, task lists, aligned tables without styles', () => {
    const note = render('正文[^1]\n\n[^1]: 脚注')
    expect(note).toMatch(/href="#fn1"[\s\S]*id="fn1"[\s\S]*脚注/)
    const tasks = render('- [ ] 读完\n- [x] 做完\n- [链接](/a)')
    expect(tasks).toContain('<li class="task"><input type="checkbox" disabled> 读完</li>')
    expect(tasks).toContain('<li class="task"><input type="checkbox" disabled checked> 做完</li>')
    const table = render('| 左 | 中 | 右 |\n| :- | :-: | -: |\n| 1 | 2 | 3 |')
    expect(table).toContain('<th class="to-right">右</th>')
    expect(table).toContain('<td class="to-center">2</td>')
    expect(table).not.toContain('style=')
  })

  test('headings can be linked to, by their own words, each once', () => {
    const html = render('## 为什么？\n\n## 为什么？\n\n[看](#为什么)')
    expect(html).toContain('<h2 id="h-为什么">')
    expect(html).toContain('<h2 id="h-为什么-1">')
    expect(html).toContain(`<a href="#h-${encodeURIComponent('为什么')}">看</a>`)
    expect(render('## !!!')).toContain('id="h-section"')
  })

  test('formulas are set without styles; a price is none', () => {
    const set = createMathSetter()
    const math = (text: string) => renderMarkdown(text, { table: '', code: '' }, set)
    expect(math('面积 $a^2$ 为')).toMatch(/<math[\s\S]*<msup>[\s\S]*<\/math>/)
    expect(math('$$\n\\frac{1}{2}\n$$')).toMatch(/class="formula"[\s\S]*<mfrac>/)
    expect(math('$\\color{red}{x}$')).not.toContain('style=')
    expect(math('从 $5 到 $10')).not.toContain('<math')
    expect(math('`$a$` 与 \\$a$')).not.toContain('<math')
    expect(math('$\\frac{$')).toContain('<code>$\\frac{$</code>')
    expect(math('$\\href{javascript:alert(1)}{x}$')).not.toMatch(/href=/)
    expect(math('$\\def\\a{\\a\\a}\\a$')).toContain('<code>')
    expect(render('$a$ <b>')).toContain('<code>$a$</code> &lt;b&gt;')
  })

  test('hostile texts take no time, and run nothing', () => {
    const started = performance.now()
    const texts = [
      '>'.repeat(20_000),
      '[a](b'.repeat(10_000),
      '**中'.repeat(20_000),
      '$'.repeat(50_000),
      `${'$x'.repeat(30_000)}$`,
      '- '.repeat(5000),
      `$${'{'.repeat(3000)}$`,
      '[^1]'.repeat(10_000),
      'https://'.repeat(10_000),
      '中\n'.repeat(30_000),
      '$a$ '.repeat(20_000),
      `${'# a\n'.repeat(10_000)}${'[a](#a)'.repeat(5000)}`,
      `$${'$$$$a '.repeat(10_000)}`,
      '[x](javascript:alert(1)) <javascript:alert(1)> javascript:alert(1)',
    ]
    for (const text of texts)
      expect(renderMarkdown(text, { table: '', code: '' }, createMathSetter())).not.toContain('href="javascript')
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})
