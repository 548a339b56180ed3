/** Platform certificates, as another client of WeChat Pay uses them. */
import { beforeAll, describe, expect, test } from 'vitest'
import { Aes, type Wechatpay } from 'wechatpay-axios-plugin'
import { call, eventually, type Json } from '../rig.ts'
import { API_V3_KEY, believes, orderOf, otherClient, type WechatMerchant, wechatMerchant } from '../wechat-rig.ts'
import { get, merchant, number, order, post, refusal, sandbox, scan, shop } from './rig.ts'

describe('certificate mode', () => {
  let certified: WechatMerchant
  let byPublicKey: Wechatpay

  beforeAll(async () => {
    certified = await wechatMerchant(sandbox.url, { keyMode: 'certificate' })
    byPublicKey = otherClient(sandbox.url, certified)
  })

  /** The listed certificates, decrypted with the APIv3 key; the caller verifies with the public key. */
  async function certificates(): Promise<Record<string, string>> {
    const { data: answer } = await byPublicKey.client.request('/v3/certificates', 'get', undefined, {
      headers: { 'Wechatpay-Serial': certified.publicKeyId },
    })
    const { data: list } = answer as {
      data: { serial_no: string; encrypt_certificate: { ciphertext: string; nonce: string; associated_data: string } }[]
    }
    return Object.fromEntries(
      list.map(({ serial_no: serial, encrypt_certificate: { ciphertext, nonce, associated_data: associated } }) => [
        serial,
        Aes.AesGcm.decrypt(ciphertext, API_V3_KEY, nonce, associated),
      ]),
    )
  }

  const rotate = (body: Json) => call(sandbox.url, 'POST', `/wechat/merchants/${certified.mchId}/rotate`, body)

  /** The serials with which this many answers were signed. */
  async function serials(using: Wechatpay, count: number): Promise<Set<string>> {
    const seen = new Set<string>()
    for (let at = 0; at < count; at++) {
      const no = number()
      const { headers } = await using.client.request(
        '/v3/pay/transactions/native',
        'post',
        orderOf(certified, no, shop.url),
      )
      seen.add(String(headers['wechatpay-serial']))
    }
    return seen
  }

  test('rotation: both listed, the new one for a share, then for all; who knows only the old one rejects', async () => {
    const old = await certificates()
    const [oldSerial = ''] = Object.keys(old)
    expect(oldSerial).toMatch(/^[0-9A-F]{40}$/)
    expect(await serials(otherClient(sandbox.url, certified, old), 3)).toEqual(new Set([oldSerial]))

    await rotate({ share: 50 })
    const both = await certificates()
    expect(Object.keys(both)).toHaveLength(2)
    const newSerial = Object.keys(both).find((serial) => serial !== oldSerial) ?? ''
    // Each of forty answers is signed with one or the other, at an even chance.
    expect(await serials(otherClient(sandbox.url, certified, both), 40)).toEqual(new Set([oldSerial, newSerial]))

    await rotate({ share: 100, next: false })
    expect(await serials(otherClient(sandbox.url, certified, both), 5)).toEqual(new Set([newSerial]))
    const outdated = otherClient(sandbox.url, certified, old)
    expect(await refusal(serials(outdated, 1))).toMatchObject({ code: 'EV3_RES_HEADER_PLATFORM_SERIAL' })

    const no = number()
    const { data: made } = await post(
      '/v3/pay/transactions/native',
      orderOf(certified, no, shop.url),
      otherClient(sandbox.url, certified, both),
    )
    await scan(made['code_url'])
    await eventually(() => shop.received.length).toBe(1)
    expect(shop.received.map((each) => believes(each, both))).toEqual([true])
    expect(shop.received[0]?.headers['wechatpay-serial']).toBe(newSerial)
  })

  test('the console rotates in two presses, and sends a notification again', async () => {
    const own = await wechatMerchant(sandbox.url, { keyMode: 'certificate' })
    const press = async (path: string) => (await fetch(`${sandbox.url}/console${path}`, { method: 'POST' })).text()
    const shares = (page: string) =>
      [...page.slice(page.indexOf(own.mchId)).matchAll(/<div>[0-9A-F]{40} · (\d+) %/g)].map(([, share]) => share)
    expect(shares(await press(`/wechat/merchants/${own.mchId}/rotate`)).slice(0, 2)).toEqual(['50', '100'])
    expect(shares(await press(`/wechat/merchants/${own.mchId}/rotate`)).slice(0, 2)).toEqual(['100', '100'])

    const no = number()
    await scan((await order(no))['code_url'])
    await eventually(() => shop.received.length).toBe(1)
    const { items } = await call<{ items: { id: number; notifyId: string }[] }>(
      sandbox.url,
      'GET',
      `/wechat/deliveries?outTradeNo=${no}`,
    )
    const [delivery] = items
    expect(await (await fetch(`${sandbox.url}/console/deliveries`)).text()).toContain(delivery?.notifyId)
    await press(`/wechat/deliveries/${delivery?.id}/replay`)
    expect(shop.received.length).toBe(2)
  })

  test('a merchant in public-key mode has no certificates, and no rotation', async () => {
    expect(await refusal(get('/v3/certificates'))).toEqual({ status: 404, code: 'RESOURCE_NOT_EXISTS' })
    await call(sandbox.url, 'POST', `/wechat/merchants/${merchant.mchId}/rotate`, { share: 1 }, 409)
  })
})
