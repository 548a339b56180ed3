// Preloaded into programs that run.mjs starts: its pipe closes when the process at the other end is gone.
import { Socket } from 'node:net'

const whom = process.env['XUECHENG_LIFELINE']
// Programs that this one starts have no such pipe.
delete process.env['XUECHENG_LIFELINE']
if (whom) {
  const line = new Socket({ fd: 3, readable: true, writable: false })
  line.on('error', () => {})
  line.on('close', () => process.kill(whom === 'group' ? -process.pid : process.pid, 'SIGTERM'))
  line.resume()
  line.unref()
}
