/** What `deploy/` says of the shop is true of this shop: its settings, its addresses, its limits, its files, its time to stop. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The parser that the OpenAPI document is written with. */
const yaml = createRequire(createRequire(join(ROOT, 'apps/shop/package.json')).resolve('@fastify/swagger'))('yaml') as {
  parse(text: string): unknown
  parseAllDocuments(text: string): { toJS(): unknown; errors: unknown[] }[]
}

type Tree = { readonly [name: string]: Tree } & readonly Tree[]

/** The value at `path`; undefined if there is none. */
const at = (tree: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inside, name) => (inside as Tree | undefined)?.[name], tree)

const compose = yaml.parse(read('deploy/compose.yaml'))
const objects = [...documents('deploy/kubernetes/shop.yaml'), ...documents('deploy/kubernetes/secret.example.yaml')]
const dockerfile = read('deploy/Dockerfile')
const pod = at(ofKind('Deployment'), 'spec.template.spec')

function documents(path: string): unknown[] {
  return yaml.parseAllDocuments(read(path)).map((document) => {
    expect(document.errors, path).toEqual([])
    return document.toJS()
  })
}

function ofKind(kind: string): unknown {
  const found = objects.filter((object) => at(object, 'kind') === kind)
  expect(found, kind).toHaveLength(1)
  return found[0]
}

/** How long the parent takes at most until it ends, whatever hangs. */
const STOP_SECONDS =
  (2 * Number(/STOP_LIMIT_MS = ([\d_]+)/.exec(read('apps/shop/src/process/supervisor.ts'))?.[1]?.replace('_', ''))) /
  1000

const settingsInComments = (file: string): string[] =>
  (read(`deploy/${file}`).match(/^ *#.*$/gm) ?? []).flatMap((line) => line.match(/\b[A-Z]+_[A-Z_]+\b/g) ?? [])

test('every setting that is named anywhere is one that the shop reads', () => {
  const known = new Set([...read('apps/shop/src/config.ts').matchAll(/'([A-Z][A-Z_]+)'/g)].map(([, name]) => name))
  const env = at(pod, 'containers.0.env') as { name: string }[]
  const named = [
    ...Object.keys(at(compose, 'services.shop.environment') as object),
    ...Object.keys(at(ofKind('Secret'), 'stringData') as object),
    ...env.map(({ name }) => name),
    ...[...dockerfile.matchAll(/(?<=^ENV .*)\b([A-Z_]+)=/gm)].map(([, name]) => name),
    ...[...read('deploy/xuecheng.service').matchAll(/(?<=^Environment=.*)\b([A-Z_]+)=/gm)].map(([, name]) => name),
    ...['haproxy.cfg', 'nginx.conf', 'xuecheng.service'].flatMap(settingsInComments),
  ]
  expect(named.length).toBeGreaterThan(15)
  // What Node and the images read themselves, or compose.
  const others = ['NODE_COMPILE_CACHE', 'NODE_IMAGE', 'POSTGRES_IMAGE', 'DATABASE_PASSWORD']
  expect(named.filter((name) => !known.has(name ?? '') && !others.includes(name ?? ''))).toEqual([])
})

test('the image runs what there is, on the Node that the project names, as nobody in particular', () => {
  const paths = dockerfile.match(/\b(?:apps|packages|scripts)\/[\w./-]+/g) ?? []
  // The pages are made while it is built.
  const missing = paths.filter((path) => !path.endsWith('/dist') && !existsSync(join(ROOT, path)))
  expect(missing).toEqual([])
  expect(paths).toContain('apps/shop/src/main.ts')
  const wanted = (JSON.parse(read('package.json')) as { dependencies: { node: string } }).dependencies.node.split(
    '.',
  )[0]
  // One argument names it, so that a digest can be given; a name alone moves.
  expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)).toEqual(Array(3).fill(`\${NODE_IMAGE}`))
  expect(/^ARG NODE_IMAGE=node:(\d+)-\w+-slim$/m.exec(dockerfile)?.[1]).toBe(wanted)
  expect(at(compose, 'services.shop.build.args.NODE_IMAGE')).toContain(`:-node:${wanted}-`)
  expect(dockerfile).toMatch(/^HEALTHCHECK /m)
  expect(dockerfile.match(/^USER (\S+)/gm)?.at(-1)).toBe('USER node')
})

test('containers have what they need, and no right that they do not', () => {
  const shop = at(compose, 'services.shop')
  // No secret has a default, and neither sandbox nor demo account is there.
  const settings = at(shop, 'environment') as Record<string, string>
  for (const name of ['PUBLIC_URL', 'AUTH_SECRET']) expect(settings[name]).toBe(`\${${name}:?}`)
  expect(settings['DATABASE_URL']).toContain(`\${DATABASE_PASSWORD:?}`)
  expect(settings).toMatchObject({ SANDBOX: 'off', DEMO: 'off' })
  expect(at(compose, 'networks.database.internal')).toBe(true)
  expect(at(compose, 'services.database.networks')).toEqual(['database'])
  const build = at(shop, 'build')
  const context = resolve(ROOT, 'deploy', String(at(build, 'context')))
  expect(existsSync(join(context, String(at(build, 'dockerfile'))))).toBe(true)
  expect(shop).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] })
  // The database's own role is a plain one: made by a script of the image's first start, and named nowhere else.
  const mounted = ['shop', 'database'].flatMap((name) => at(compose, `services.${name}.volumes`) as string[])
  const [script = '', ...more] = mounted.filter((each) => each.startsWith('./')).map((each) => each.split(':')[0] ?? '')
  expect(more).toEqual([])
  expect(read(join('deploy', script))).toContain('create role shop login nosuperuser')
  expect(at(compose, 'services.database.environment')).toEqual({ POSTGRES_PASSWORD: `\${DATABASE_PASSWORD:?}` })
  const named = mounted.filter((each) => !each.startsWith('./')).map((each) => each.split(':')[0])
  expect(named).toEqual(Object.keys(at(compose, 'volumes') as object).reverse())

  const containers = [at(pod, 'initContainers.0'), at(pod, 'containers.0')]
  for (const container of containers) {
    expect(at(container, 'securityContext')).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(at(container, 'envFrom.0.secretRef.name')).toBe(at(ofKind('Secret'), 'metadata.name'))
    for (const part of (at(container, 'command') ?? []) as string[]) {
      if (part.includes('/')) expect(existsSync(join(ROOT, part)), part).toBe(true)
    }
  }
  expect(at(pod, 'securityContext')).toEqual({
    runAsNonRoot: true,
    runAsUser: 1000,
    runAsGroup: 1000,
    // Mounted folders are the shop's to write.
    fsGroup: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  })
  expect(at(pod, 'automountServiceAccountToken')).toBe(false)
  const volumes = (at(pod, 'volumes') as { name: string }[]).map(({ name }) => name)
  const mounts = (at(pod, 'containers.0.volumeMounts') as { name: string }[]).map(({ name }) => name)
  expect(mounts).toEqual(volumes)
  expect(at(pod, 'volumes.1.persistentVolumeClaim.claimName')).toBe(
    at(ofKind('PersistentVolumeClaim'), 'metadata.name'),
  )
})

test('requests find the nodes, and probes an address that answers without a database', () => {
  const labels = at(ofKind('Deployment'), 'spec.template.metadata.labels')
  for (const selector of [
    at(ofKind('Deployment'), 'spec.selector.matchLabels'),
    at(ofKind('Service'), 'spec.selector'),
    at(ofKind('PodDisruptionBudget'), 'spec.selector.matchLabels'),
    at(ofKind('NetworkPolicy'), 'spec.podSelector.matchLabels'),
  ]) {
    expect(selector).toEqual(labels)
  }
  const [port] = at(pod, 'containers.0.ports') as { name: string; containerPort: number }[]
  expect(at(ofKind('Service'), 'spec.ports.0.targetPort')).toBe(port?.name)
  expect(dockerfile).toContain(`PORT=${port?.containerPort} `)
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    expect(at(pod, `containers.0.${probe}.httpGet`), probe).toEqual({ path: '/healthz', port: port?.name })
  }
  expect(read('deploy/haproxy.cfg')).toContain('option httpchk GET /healthz')
})

test('the metrics are scraped where they are, and reached by the monitoring alone', () => {
  const ports = at(pod, 'containers.0.ports') as { name: string; containerPort: number }[]
  const metrics = ports.find(({ name }) => name === 'metrics')?.containerPort
  expect(at(ofKind('Deployment'), 'spec.template.metadata.annotations')).toEqual({
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(metrics),
    'prometheus.io/path': '/metrics',
  })
  const env = at(pod, 'containers.0.env') as { name: string; value: string }[]
  expect(env).toContainEqual({ name: 'METRICS_PORT', value: String(metrics) })
  expect(env).toContainEqual({ name: 'METRICS_HOST', value: '0.0.0.0' })
  expect(at(compose, 'services.shop.environment')).toMatchObject({ METRICS_PORT: String(metrics) })
  // Published on the machine itself only.
  expect(at(compose, 'services.shop.ports')).toEqual([`127.0.0.1:8000:8000`, `127.0.0.1:${metrics}:${metrics}`])

  const rules = at(ofKind('NetworkPolicy'), 'spec.ingress') as { from?: unknown; ports: { port: string }[] }[]
  const open = rules.filter(({ from }) => from === undefined).flatMap(({ ports: each }) => each)
  expect(open).toEqual([{ port: 'http' }])
  const known = ports.map(({ name }) => name)
  for (const { ports: each } of rules) for (const { port } of each) expect(known).toContain(port)
  expect(JSON.stringify(at(ofKind('NetworkPolicy'), 'spec.egress'))).toContain('169.254.0.0/16')
})

test('everybody waits as long as the shop may take to stop', () => {
  const seconds = (text: unknown) => Number(/^\d+/.exec(String(text))?.[0])
  const before = seconds((at(pod, 'containers.0.lifecycle.preStop.exec.command') as string[])[1])
  expect(STOP_SECONDS).toBeGreaterThan(0)
  expect(seconds(at(pod, 'terminationGracePeriodSeconds'))).toBeGreaterThan(STOP_SECONDS + before)
  expect(seconds(at(compose, 'services.shop.stop_grace_period'))).toBeGreaterThan(STOP_SECONDS)
  expect(seconds(/TimeoutStopSec=(\d+)/.exec(read('deploy/xuecheng.service'))?.[1])).toBeGreaterThan(STOP_SECONDS)
})

interface Operation {
  readonly 'x-max-body-bytes'?: number
}

/** Every route that takes a body, and how many bytes of it at most. */
function bodyLimits(): { path: string; bytes: number }[] {
  const program = join(ROOT, 'apps/shop/src/cli/print-openapi.ts')
  const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const text = execFileSync(process.execPath, [...flags, program], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, Operation>> }
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.values(operations).flatMap(({ 'x-max-body-bytes': bytes }) =>
      bytes === undefined ? [] : [{ path, bytes }],
    ),
  )
  // Notifications are no part of the description.
  const [, kilobytes] = /MAX_BYTES = (\d+) \* 1024/.exec(read('apps/shop/src/payments/providers/notify-route.ts')) ?? []
  const notified = ['alipay', 'wechat'].map((name) => ({
    path: `/api/payments/${name}/notify`,
    bytes: Number(kilobytes) * 1024,
  }))
  return [...described, ...notified]
}

const UNITS: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }
const bytesOf = (size: string | undefined): number => {
  const [, digits, unit = ''] = /^(\d+)([kmg]?)$/.exec(size ?? '') ?? []
  return Number(digits) * (UNITS[unit] ?? 1)
}

test('each proxy lets through what each route takes, and hardly more: 2 GB for the one path of videos alone', () => {
  const limits = bodyLimits()
  expect(limits.length).toBeGreaterThan(60)
  const proxies = { nginx: nginxLimit, haproxy: haproxyLimit }
  for (const [name, limitOf] of Object.entries(proxies)) {
    const tooSmall = limits.filter(({ path, bytes }) => bytes > limitOf(path))
    expect(tooSmall, name).toEqual([])
    const large = limits.filter(({ path }) => limitOf(path) > 8 * 1024 ** 2).map(({ path }) => path)
    expect(large, name).toEqual(['/api/admin/uploads'])
    // Where anybody may post, and at an address that is none.
    for (const path of ['/', '/api/orders', '/api/session', '/api/users', '/no/such/page', '/API/ADMIN/uploads'])
      expect(limitOf(path), `${name} ${path}`).toBeLessThanOrEqual(16 * 1024)
    expect(limitOf('/api/payments/alipay/notify'), name).toBeLessThanOrEqual(256 * 1024)
  }
  // It starts a process of its own, which takes its time on a busy machine.
}, 120_000)

/** As nginx chooses: the exact location, else the longest beginning. */
function nginxLimit(path: string): number {
  const server = read('deploy/nginx.conf')
  const locations = [...server.matchAll(/location (= )?(\/\S*) \{([^}]*)\}/g)].map(
    ([, exact, place = '', block = '']) => ({
      exact: exact !== undefined,
      place,
      size: /client_max_body_size (\w+);/.exec(block)?.[1],
    }),
  )
  expect(locations.map(({ place }) => place)).toContain('/')
  const whole = locations.find(({ exact, place }) => exact && place === path)
  const [longest] = locations
    .filter(({ exact, place }) => !exact && path.startsWith(place))
    .sort((one, other) => other.place.length - one.place.length)
  const common = /^ {4}client_max_body_size (\w+);/m.exec(server)?.[1]
  return bytesOf((whole ?? longest)?.size ?? common)
}

/** As HAProxy does: every rule whose conditions hold may refuse. */
function haproxyLimit(path: string): number {
  const text = read('deploy/haproxy.cfg')
  const acls = Object.fromEntries(
    [...text.matchAll(/acl (\w+) (path|path_beg) (\S+)/g)].map(([, name = '', how, value = '']) => [
      name,
      how === 'path' ? path === value : path.startsWith(value),
    ]),
  )
  const rules = [...text.matchAll(/deny_status 413 if ([!\w ]+) \{ req\.body_size gt (\d+) \}/g)]
  expect(rules.length).toBeGreaterThan(3)
  const applying = rules.filter(([, conditions = '']) =>
    conditions.split(' ').every((each) => (each.startsWith('!') ? !acls[each.slice(1)] : acls[each])),
  )
  return Math.min(...applying.map(([, , bytes]) => Number(bytes)))
}

test('every proxy has a deadline for what it reads, and says the shop’s own address with its port', () => {
  const nginx = read('deploy/nginx.conf')
  const seconds = (name: string) => Number(new RegExp(`^ *${name} (\\d+)s;`, 'm').exec(nginx)?.[1])
  for (const name of ['client_header_timeout', 'client_body_timeout', 'send_timeout', 'proxy_connect_timeout']) {
    expect(seconds(name), name).toBeLessThanOrEqual(30)
  }
  expect(nginx).toContain('proxy_set_header Host $http_host;')
  // What is large goes on to the shop at once, which looks who sends it.
  for (const path of ['/api/admin/uploads', '/api/admin/imports']) {
    expect(nginx).toMatch(new RegExp(`location = ${path} \\{[^}]*proxy_request_buffering off;`))
  }
  // A block with a header of its own would lose all of the others.
  expect(nginx.match(/proxy_set_header/g)).toHaveLength(4)
  const haproxy = read('deploy/haproxy.cfg')
  for (const limit of ['timeout http-request 20s', 'option http-buffer-request', 'timeout http-keep-alive 30s']) {
    expect(haproxy).toContain(limit)
  }
})

test('the unit writes to its data and its cache only, and has no right besides', () => {
  const unit = read('deploy/xuecheng.service')
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1]
  expect(value('ProtectSystem')).toBe('strict')
  expect(value('CapabilityBoundingSet')).toBe('')
  expect(value('NoNewPrivileges')).toBe('yes')
  expect(value('SystemCallFilter')).toBe('@system-service')
  expect(value('RestrictAddressFamilies')?.split(' ')).toEqual(['AF_UNIX', 'AF_INET', 'AF_INET6', 'AF_NETLINK'])
  const data = /\bDATA_DIR=(\S+)/.exec(unit)?.[1]
  const cache = /\bNODE_COMPILE_CACHE=(\S+)/.exec(unit)?.[1]
  expect(value('ReadWritePaths')).toBe(`${data} ${cache}`)
  expect(data).toBe(`/var/lib/${value('StateDirectory')}`)
  expect(cache).toBe(`/var/cache/${value('CacheDirectory')}`)
})
