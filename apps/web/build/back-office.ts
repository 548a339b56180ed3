/** For the development server: serves the back office's entry page for its addresses, as the shop does. */
import type { Plugin } from 'vite'

const PAGE = /^\/admin(\/[^.]*)?(\?.*)?$/

export function backOfficePages(): Plugin {
  return {
    name: 'xuecheng:back-office',
    apply: 'serve',
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        if (PAGE.test(request.url ?? '')) request.url = '/admin/index.html'
        next()
      })
    },
  }
}
