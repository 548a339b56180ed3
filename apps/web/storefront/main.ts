/** Entry point of the storefront. */
import '@xuecheng/look/tokens.css'
import '../src/base.css'
import { PiniaColada } from '@pinia/colada'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { installMessages, startLanguage } from '../src/i18n.ts'
import { fillGaps } from '../src/old-browsers/old-browsers.ts'
import App from './App.vue'
import { openRouter } from './router.ts'
import { useSession } from './session.ts'

async function start(): Promise<void> {
  await fillGaps()
  const app = createApp(App)
  app.use(createPinia())
  app.use(PiniaColada, { queryOptions: { staleTime: 30_000 } })
  app.use(installMessages)
  useSession().begin()
  await startLanguage()
  app.use(openRouter())
  app.mount('#app')
}

void start()
