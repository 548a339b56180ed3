import { describe, expect, test } from 'vitest'
import { renderMarkdown } from './markdown.ts'

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

  test('tells whoever writes that a picture is not shown, and no reader', () => {
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
    expect(render('# One\n\n## Two')).toBe('<h2>One</h2>\n<h3>Two</h3>\n')
    expect(render('## Two')).toBe('<h2>Two</h2>\n')
  })

  test('an image says what it shows', () => {
    expect(render('![a **window**](/x.svg)')).toContain('alt="a window"')
  })
})
