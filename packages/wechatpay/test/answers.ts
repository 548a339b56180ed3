/** A client whose gateway gives one answer. */
import { newClient, refused, signed, startServer } from './wechat-side.ts'

export const order = {
  outTradeNo: 'ORD20260101000001',
  total: 19900,
  description: 'TypeScript 课程',
  timeExpire: new Date('2026-01-01T12:30:00+08:00'),
  notifyUrl: 'https://shop.example.com/pay/wechat/notify',
}

export const query = { outTradeNo: order.outTradeNo }

/** A client, and a server that always gives this answer. */
export async function answering(values: object | undefined, status = 200) {
  const server = await startServer((response) => signed(response, status, values))
  return { client: newClient(server.url), server }
}

export async function refusing(status: number, code: string) {
  const server = await startServer((response) => refused(response, status, code, '说明'))
  return newClient(server.url)
}
