/** The goods of an order (Alipay, `goods_detail`): their required fields and maximum number. */
import { invalidField } from './business.ts'
import { businessError, type GatewayError } from './errors.ts'

const REQUIRED = ['goods_id', 'goods_name', 'quantity', 'price']
const MAX_GOODS = 150

/** The refusal of something that is not a list, is too long, or has goods without a required field. */
export function goodsError(goods: unknown): GatewayError | undefined {
  if (goods === undefined) return undefined
  if (!Array.isArray(goods)) return invalidField('goods_detail')
  if (goods.length > MAX_GOODS) return businessError('ACQ.SUB_GOODS_SIZE_MAX_COUNT')
  return goods.every(isWhole) ? undefined : invalidField('goods_detail')
}

const isWhole = (item: unknown): boolean =>
  typeof item === 'object' && item !== null && REQUIRED.every((name) => Object.hasOwn(item, name))
