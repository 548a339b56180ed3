/** A client whose gateway gives one answer. */
import type { ServerResponse } from 'node:http'
import { type Alipay, createAlipay } from '../src/client.ts'
import { newPair, signedAnswer } from './alipay-side.ts'
import answers from './fixtures/answers.json' with { type: 'json' }
import { type Received, startGateway } from './gateway.ts'

const merchant = newPair()

const alipay = newPair()

/** A client whose gateway answers everything with this node, signed. */
export async function answering(
  node: string | object,
): Promise<{ client: Alipay; sent: () => Record<string, unknown> }> {
  const text = typeof node === 'string' ? node : JSON.stringify(node)
  const gateway = await startGateway((response: ServerResponse, { parameters }: Received) =>
    response.end(signedAnswer(parameters['method'] ?? '', text, alipay.privateKey)),
  )
  const client = createAlipay({
    appId: '2021000120612450',
    privateKey: merchant.privateKey,
    alipayPublicKey: alipay.publicKey,
    gateway: gateway.url,
    retries: 0,
  })
  return { client, sent: () => JSON.parse(gateway.received.at(-1)?.form.get('biz_content') ?? '{}') }
}

export const failed = (sub_code: string, more: object = {}) => ({
  code: '40004',
  msg: 'Business Failed',
  sub_code,
  sub_msg: '失败',
  ...more,
})

export const real = (method: string): string => answers.answers.find((each) => each.method === method)?.node ?? ''
