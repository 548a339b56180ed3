/** Entry point of the back office. */
import '@xuecheng/look/tokens.css'
import '../src/base.css'
import './admin.css'
import { PiniaColada } from '@pinia/colada'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { addMessages, installMessages, startLanguage } from '../src/i18n.ts'
import { fillGaps } from '../src/old-browsers/old-browsers.ts'
import App from './App.vue'
import { sayWhenUnattended } from './behaviour/attended.ts'
import { openRouter } from './router.ts'
import { askShop } from './shop.ts'

addMessages('admin', { 'zh-CN': () => import('./locales/zh-CN.ts'), en: () => import('./locales/en.ts') })

async function start(): Promise<void> {
  await fillGaps()
  sayWhenUnattended()
  const app = createApp(App)
  app.use(createPinia())
  app.use(PiniaColada, { queryOptions: { staleTime: 0 } })
  app.use(installMessages)
  // For the method names on every page; pages that list the methods load them themselves.
  void askShop().catch(() => undefined)
  await startLanguage()
  app.use(openRouter())
  app.mount('#app')
}

void start()
