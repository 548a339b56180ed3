/** How the pages are built and served while working on them. One HTML entry a bundle: a buyer loads only the storefront. */
import { join } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { backOfficePages } from './build/back-office.ts'
import { floorFallbacks } from './build/floor/fallbacks.ts'
import { TARGETS } from './build/floor/floor.ts'
import { precompiledMessages } from './build/messages.ts'

/** The Host header stays as the browser sent it: the shop takes changing requests from its own pages' origin only. */
const shop = { target: process.env['SHOP_URL'] ?? 'http://127.0.0.1:8000', changeOrigin: false }

const FRAMEWORK = /node_modules\/(@vue|vue|vue-router|pinia|@pinia|vue-i18n|@intlify|openapi-fetch|nostics)\//

/** The forms of login and registration: pages about an account share them, no first page needs them. */
const ACCOUNT =
  /apps\/web\/src\/(components\/(AccountFrame|PasswordForm|TextField)|login\/(LoginForm|NewAccountForm|code-step))/

const SHARED = /apps\/web\/(storefront|src)\/(?!locales\/|live|orders\/|components\/(Barrier|orders\/|paying\/))/

export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  plugins: [vue(), precompiledMessages(), backOfficePages()],
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_I18N_LEGACY_API__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
    // Built pages bring their messages compiled; while working on them they are compiled in the browser.
    __INTLIFY_DROP_MESSAGE_COMPILER__: command === 'build',
  },
  css: { postcss: { plugins: [floorFallbacks] } },
  resolve: { alias: { 'vue-i18n': 'vue-i18n/dist/vue-i18n.runtime.mjs' } },
  build: {
    target: TARGETS,
    // The content policy allows no inline script, and fonts or pictures as files can be kept by the browser.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: {
        index: join(import.meta.dirname, 'index.html'),
        admin: join(import.meta.dirname, 'admin/index.html'),
      },
      // Few files instead of a chunk for every small part: the framework, what pages share, and each page's own.
      output: {
        codeSplitting: {
          groups: [
            { name: 'framework', test: FRAMEWORK, priority: 3 },
            // Both a page of the storefront and one of the back office draw QR codes.
            { name: 'qr', test: /node_modules\/uqr\//, priority: 3 },
            { name: 'shared', test: (id) => SHARED.test(id) && !ACCOUNT.test(id), minShareCount: 2, priority: 2 },
            { name: 'account', test: ACCOUNT, minShareCount: 2, priority: 1 },
            // What only orders and paying share: no first page needs it.
            {
              name: 'orders',
              test: /apps\/web\/(storefront|src\/orders)\//,
              minShareCount: 2,
              priority: 1,
            },
            { name: 'admin', test: /apps\/web\/admin\/(?!locales\/)/, minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': shop, '/covers': shop, '/uploads': shop } },
}))
