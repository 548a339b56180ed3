/** The console's only script: after a change, reloads the page's content, unless the user is typing. */

export const CONSOLE_SCRIPT = `
const source = new EventSource('/console/events')
source.addEventListener('changed', async () => {
  const main = document.getElementById('main')
  const active = document.activeElement
  if (active && main.contains(active) && /^(INPUT|SELECT|TEXTAREA)$/.test(active.tagName)) return
  const response = await fetch(location.href, { headers: { accept: 'text/html' } })
  if (!response.ok) return
  const next = new DOMParser().parseFromString(await response.text(), 'text/html')
  const place = active && main.contains(active) ? [...main.querySelectorAll('a,button,pre')].indexOf(active) : -1
  main.replaceChildren(...next.getElementById('main').childNodes)
  for (const part of ['.clock', '.ahead']) {
    document.querySelector(part).replaceChildren(...next.querySelector(part).childNodes)
  }
  if (place >= 0) main.querySelectorAll('a,button,pre')[place]?.focus()
})
`
