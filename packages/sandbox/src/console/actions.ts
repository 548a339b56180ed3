/** The console's form actions. Each redirects to the page it came from. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseForm } from '../core/charset.ts'
import { LAST_MOMENT } from '../core/clock.ts'
import { FAULTS, type FaultOptions } from '../core/faults/fault.ts'
import { generateKeys, readPublicKey } from '../core/keys.ts'
import { parseYuan } from '../core/money.ts'
import { replay, switchNotifications } from '../core/notifications/notifications.ts'
import { html } from '../core/pages/html.ts'
import { advanceTo, reset, type Sandbox } from '../sandbox.ts'
import { layout } from './layout.ts'

export function deliveryActions(app: FastifyInstance, sandbox: Sandbox): void {
  app.post<{ Params: { id: string } }>('/console/deliveries/:id/replay', async (request, reply) => {
    const delivery = sandbox.deliveries.find(Number(request.params.id))
    if (delivery) await replay(sandbox.notifications, delivery)
    return reply.redirect(`/console/deliveries/${Number(request.params.id)}`, 303)
  })

  app.post('/console/notifications', (request, reply) => {
    switchNotifications(sandbox, formOf(request).get('enabled') === 'true')
    return reply.redirect('/console/control', 303)
  })
}

export function controlActions(app: FastifyInstance, sandbox: Sandbox): void {
  app.post('/console/clock', async (request, reply) => {
    const seconds = Number(formOf(request).get('seconds'))
    const target = sandbox.clock.now() + seconds * 1000
    if (Number.isSafeInteger(seconds) && seconds > 0 && target <= LAST_MOMENT) await advanceTo(sandbox, target)
    return reply.redirect('/console/control', 303)
  })

  app.post('/console/reset', async (_request, reply) => {
    await reset(sandbox, false)
    return reply.redirect('/console/control', 303)
  })

  app.post('/console/faults', (request, reply) => {
    const form = formOf(request)
    const kind = FAULTS.find((each) => each === form.get('kind'))
    const times = whole(form.get('times'))
    const outTradeNo = form.get('outTradeNo')?.trim() || undefined
    if (kind) {
      const scope = outTradeNo === undefined ? {} : { outTradeNo }
      sandbox.faults.add({ kind, scope, options: optionsOf(form), ...(times !== undefined && times > 0 && { times }) })
      sandbox.changed()
    }
    return reply.redirect('/console/control', 303)
  })

  app.post<{ Params: { id: string } }>('/console/faults/:id/remove', (request, reply) => {
    sandbox.faults.remove(Number(request.params.id))
    sandbox.changed()
    return reply.redirect('/console/control', 303)
  })
}

export function accountActions(app: FastifyInstance, sandbox: Sandbox): void {
  app.post('/console/buyers', (request, reply) => {
    const form = formOf(request)
    const login = form.get('login')?.trim() ?? ''
    const balance = parseYuan(form.get('balance') ?? '')
    if (login.length >= 3 && balance !== undefined) sandbox.buyers.create({ login, balance })
    sandbox.changed()
    return reply.redirect('/console/accounts', 303)
  })

  app.post('/console/merchants', async (request, reply) => {
    const form = formOf(request)
    const given = form.get('appPublicKey')?.trim() || undefined
    const page = (body: ReturnType<typeof html>) =>
      reply.type('text/html; charset=utf-8').send(layout('/console/accounts', '商户', sandbox.clock, body))
    if (given !== undefined && !readPublicKey(given)) {
      reply.code(422)
      return page(
        html`<h1>应用公钥无效 <span class="soft">Not an RSA public key</span></h1><p class="alarm" role="alert">请粘贴 PEM 或密钥工具给出的 Base64 公钥。 Paste PEM, or the Base64 that the key tool gives.</p><p><a href="/console/accounts">返回 Back</a></p>`,
      )
    }
    const pair = given === undefined ? await generateKeys() : undefined
    const name = form.get('name')?.trim() || undefined
    const appPublicKey = given ?? pair?.publicKey
    const merchant = await sandbox.merchants.put(sandbox.merchants.freeAppId(), {
      keyMode: form.get('keyMode') === 'cert' ? 'cert' : 'key',
      ...(name !== undefined && { name }),
      ...(appPublicKey !== undefined && { appPublicKey }),
    })
    sandbox.changed()
    if (!pair) return reply.redirect('/console/accounts', 303)
    return page(html`<h1>${merchant.name} <span class="soft">${merchant.appId}</span></h1>
<p class="amber">应用私钥只显示这一次，请现在复制。 The application's private key is shown only this once: copy it now.</p>
<h2>应用私钥 <span class="soft">Application private key (PKCS#8)</span></h2><pre tabindex="0">${pair.privateKey}</pre>
<h2>支付宝公钥 <span class="soft">Alipay public key</span></h2><pre tabindex="0">${merchant.alipayPublicKey}</pre><p><a href="/console/accounts">返回 Back</a></p>`)
  })
}

export function formOf(request: FastifyRequest): Map<string, string> {
  return new Map(Buffer.isBuffer(request.body) ? parseForm(request.body, 'utf-8') : [])
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function optionsOf(form: ReadonlyMap<string, string>): FaultOptions {
  const seconds = whole(form.get('seconds'))
  const chance = form.get('probability') ?? ''
  const probability = /^(?:0?\.\d+|0|1(?:\.0+)?)$/.test(chance) ? Number(chance) : undefined
  const method = form.get('method')?.trim() || undefined
  const subCode = form.get('subCode')?.trim() || undefined
  return {
    ...(seconds !== undefined && { seconds }),
    ...(probability !== undefined && { probability }),
    ...(method !== undefined && { method }),
    ...(subCode !== undefined && { subCode }),
  }
}
