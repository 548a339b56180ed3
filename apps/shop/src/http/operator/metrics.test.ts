import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createMetricsServer, openMetrics } from './metrics.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return (server.address() as AddressInfo).port
}

const statusOf = (port: number, path: string, host: string): Promise<number | undefined> =>
  new Promise((done, failed) => {
    const sent = request({ port, host: '127.0.0.1', path, headers: { host } }, (answer) => {
      answer.resume()
      done(answer.statusCode)
    })
    sent.on('error', failed).end()
  })

test('sixty concurrent requests get one answer, computed once', async () => {
  let computed = 0
  const gather = async () => {
    computed += 1
    const text = `computed ${computed}\n`
    await new Promise((done) => setTimeout(done, 200))
    return text
  }
  const port = await listen(createMetricsServer(gather, true))
  const answers = await Promise.all(
    Array.from({ length: 60 }, async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
      return [answer.status, await answer.text()]
    }),
  )
  expect(answers).toEqual(Array.from({ length: 60 }, () => [200, 'computed 1\n']))
  expect(computed).toBe(1)
})

test('a failure is not cached: the next request computes the answer anew', async () => {
  let fails = true
  const gather = async () => {
    if (fails) throw new Error('not now')
    return 'good\n'
  }
  const port = await listen(createMetricsServer(gather, true))
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(500)
  fails = false
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200)
})

test('other paths are not found, and on loopback a foreign host name is refused', async () => {
  const port = await listen(createMetricsServer(async () => 'numbers\n', true))
  expect(await statusOf(port, '/metrics?x=1', 'localhost:9100')).toBe(200)
  expect(await statusOf(port, '/metrics', '[::1]:9100')).toBe(200)
  expect(await statusOf(port, '/', '127.0.0.1')).toBe(404)
  expect(await statusOf(port, '/metrics', 'evil.example')).toBe(421)
  expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST', body: 'x' })).status).toBe(404)
  const open = await listen(createMetricsServer(async () => 'numbers\n', false))
  expect(await statusOf(open, '/metrics', 'shop-0.monitoring')).toBe(200)
})

test('a taken port fails the start only if the settings name it', async () => {
  const port = await listen(createServer())
  const place = { host: '127.0.0.1', port }
  await expect(openMetrics({ ...place, asked: true }, [])).rejects.toThrow(
    new RegExp(`^METRICS_PORT: ${port} is in use by another program. Example: METRICS_PORT=${port + 1}$`),
  )
  await (await openMetrics({ ...place, asked: false }, []))()
  await expect(openMetrics({ host: '192.0.2.1', port, asked: false }, [])).rejects.toThrow(/^METRICS_HOST: /)
})
