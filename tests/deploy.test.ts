/** What `deploy/` says of the shop is true of this shop: its settings, its addresses, its files, its time to stop. */
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

/** What stands at `path`, as JSON has it; undefined where nothing does. */
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
  (2 * Number(/STOP_LIMIT_MS = ([\d_]+)/.exec(read('apps/shop/src/supervise.ts'))?.[1]?.replace('_', ''))) / 1000

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
  expect(named.filter((name) => !known.has(name ?? ''))).toEqual([])
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
  const bases = [...dockerfile.matchAll(/^FROM node:(\d+)/gm)].map(([, major]) => major)
  expect(bases).toEqual([wanted, wanted, wanted])
  expect(dockerfile.match(/^USER (\S+)/gm)?.at(-1)).toBe('USER node')
})

test('containers have what they need, and no right that they do not', () => {
  const shop = at(compose, 'services.shop')
  const build = at(shop, 'build')
  const context = resolve(ROOT, 'deploy', String(at(build, 'context')))
  expect(existsSync(join(context, String(at(build, 'dockerfile'))))).toBe(true)
  expect(shop).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] })
  const mounted = ['shop', 'database'].flatMap((name) => at(compose, `services.${name}.volumes`) as string[])
  expect(mounted.map((each) => each.split(':')[0])).toEqual(Object.keys(at(compose, 'volumes') as object).reverse())

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
  expect(at(pod, 'securityContext.runAsNonRoot')).toBe(true)
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

test('everybody waits as long as the shop may take to stop', () => {
  const seconds = (text: unknown) => Number(/^\d+/.exec(String(text))?.[0])
  const before = seconds((at(pod, 'containers.0.lifecycle.preStop.exec.command') as string[])[1])
  expect(STOP_SECONDS).toBeGreaterThan(0)
  expect(seconds(at(pod, 'terminationGracePeriodSeconds'))).toBeGreaterThan(STOP_SECONDS + before)
  expect(seconds(at(compose, 'services.shop.stop_grace_period'))).toBeGreaterThan(STOP_SECONDS)
  expect(seconds(/TimeoutStopSec=(\d+)/.exec(read('deploy/xuecheng.service'))?.[1])).toBeGreaterThan(STOP_SECONDS)
})
