/** The back office's start in the browser. */
import '@xuecheng/look/tokens.css'
import '../src/base.css'
import './desk.css'
import { PiniaColada } from '@pinia/colada'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { alsoSay, installMessages, startLanguage } from '../src/i18n.ts'
import App from './App.vue'
import { openRouter } from './router.ts'
import { askShop } from './shop.ts'

alsoSay('desk', { 'zh-CN': () => import('./locales/zh-CN.ts'), en: () => import('./locales/en.ts') })

const app = createApp(App)
app.use(createPinia())
app.use(PiniaColada, { queryOptions: { staleTime: 0 } })
app.use(installMessages)
// For the words of every page; one that lists the methods asks for itself.
void askShop().catch(() => undefined)
await startLanguage()
app.use(openRouter())
app.mount('#app')
