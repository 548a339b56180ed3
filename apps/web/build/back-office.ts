/** While working on the pages: the back office's addresses are its own entry page, as the shop serves them. */
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
