/** The strict request schemas of WeChat Pay's API v3: unknown fields are refused. */
import { type Static, type TSchema, Type } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import { Value } from 'typebox/value'
import { fieldError, type WechatError, wechatError } from '../errors.ts'

const strict = { additionalProperties: false } as const
const text = (max: number, min = 1) => Type.String({ minLength: min, maxLength: max })
/** Without port or brackets. */
const Address = Type.Union([Type.String({ format: 'ipv4' }), Type.String({ format: 'ipv6' })])

/**
 * The pattern in WeChat's own refusal: no query, a port of two to five digits. WeChat also requires https and a
 * reachable address; the sandbox does not, since a shop on a laptop has neither.
 */
const notifyUrl = (max: number) =>
  Type.String({
    pattern: '^https?://(\\[[0-9A-Fa-f:.]+\\]|[^\\s/?#@:\\[\\]]+)(:[0-9]{2,5})?(/[^?#\\s]*)?$',
    maxLength: max,
  })

const LimitPay = Type.Union([
  Type.Literal('no_balance'),
  Type.Literal('no_credit'),
  Type.Literal('no_debit'),
  Type.Literal('balance_only'),
])

const Amount = Type.Object(
  { total: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }), currency: Type.Optional(Type.Literal('CNY')) },
  strict,
)

const Goods = Type.Object(
  {
    merchant_goods_id: text(32),
    wechatpay_goods_id: Type.Optional(text(32)),
    goods_name: Type.Optional(text(256)),
    quantity: Type.Integer({ minimum: 1 }),
    unit_price: Type.Integer({ minimum: 0 }),
  },
  strict,
)

const H5Info = Type.Object(
  {
    type: Type.Union([Type.Literal('Wap'), Type.Literal('iOS'), Type.Literal('Android')]),
    app_name: Type.Optional(text(64)),
    app_url: Type.Optional(text(128)),
    bundle_id: Type.Optional(text(128)),
    package_name: Type.Optional(text(128)),
  },
  strict,
)

const scene = {
  payer_client_ip: Address,
  device_id: Type.Optional(text(32, 0)),
  store_info: Type.Optional(
    Type.Object(
      {
        id: text(32),
        name: Type.Optional(text(256)),
        area_code: Type.Optional(text(32)),
        address: Type.Optional(text(512)),
      },
      strict,
    ),
  ),
}
const Scene = Type.Object({ ...scene, h5_info: Type.Optional(H5Info) }, strict)
const H5Scene = Type.Object({ ...scene, h5_info: H5Info }, strict)

const common = {
  appid: text(32),
  mchid: text(32),
  description: text(127),
  out_trade_no: Type.String({ pattern: '^[0-9A-Za-z_\\-|*]{6,32}$' }),
  time_expire: Type.Optional(text(64)),
  attach: Type.Optional(text(128, 0)),
  notify_url: notifyUrl(255),
  goods_tag: Type.Optional(text(32)),
  limit_pay: Type.Optional(Type.Array(LimitPay)),
  support_fapiao: Type.Optional(Type.Boolean()),
  amount: Amount,
  detail: Type.Optional(
    Type.Object(
      {
        cost_price: Type.Optional(Type.Integer({ minimum: 0 })),
        invoice_id: Type.Optional(text(32)),
        goods_detail: Type.Optional(Type.Array(Goods)),
      },
      strict,
    ),
  ),
  settle_info: Type.Optional(Type.Object({ profit_sharing: Type.Optional(Type.Boolean()) }, strict)),
}

export const NativeOrder = Type.Object({ ...common, scene_info: Type.Optional(Scene) }, strict)
export const H5Order = Type.Object({ ...common, scene_info: H5Scene }, strict)
export const JsapiOrder = Type.Object(
  { ...common, payer: Type.Object({ openid: text(128) }, strict), scene_info: Type.Optional(Scene) },
  strict,
)
export const CloseOrder = Type.Object({ mchid: text(32) }, strict)
export const RefundOrder = Type.Object(
  {
    transaction_id: Type.Optional(text(32)),
    out_trade_no: Type.Optional(text(32)),
    out_refund_no: Type.String({ pattern: '^[0-9A-Za-z_\\-|*@]{1,64}$' }),
    reason: Type.Optional(text(80, 0)),
    notify_url: Type.Optional(notifyUrl(256)),
    funds_account: Type.Optional(Type.Union([Type.Literal('AVAILABLE'), Type.Literal('UNSETTLED')])),
    amount: Type.Object(
      {
        refund: Type.Integer({ minimum: 1 }),
        total: Type.Integer({ minimum: 1 }),
        currency: Type.Literal('CNY'),
        from: Type.Optional(
          Type.Array(
            Type.Object(
              {
                account: Type.Union([Type.Literal('AVAILABLE'), Type.Literal('UNAVAILABLE')]),
                amount: Type.Integer({ minimum: 1 }),
              },
              strict,
            ),
          ),
        ),
      },
      strict,
    ),
    goods_detail: Type.Optional(
      Type.Array(
        Type.Object(
          {
            merchant_goods_id: text(32),
            wechatpay_goods_id: Type.Optional(text(32)),
            goods_name: Type.Optional(text(256)),
            unit_price: Type.Integer({ minimum: 0 }),
            refund_amount: Type.Integer({ minimum: 1 }),
            refund_quantity: Type.Integer({ minimum: 1 }),
          },
          strict,
        ),
      ),
    ),
  },
  strict,
)

/** Reads a body by its schema; the refusal names the first invalid place, like WeChat. */
export function readBody<const Shape extends TSchema>(shape: Shape, body: Buffer): Static<Shape> | WechatError {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    return wechatError('PARAM_ERROR', '请求体不是合法的JSON')
  }
  if (Value.Check(shape, value)) return value as Static<Shape>
  const [first] = Value.Errors(shape, value)
  if (!first) return wechatError('PARAM_ERROR')
  const field = placeOf(first)
  return fieldError(field, Value.Pointer.Get(value, field), ISSUES[first.keyword] ?? first.message)
}

/** A missing field has no place of its own: its name is appended. */
const placeOf = ({ keyword, params, instancePath }: TLocalizedValidationError): string =>
  keyword === 'required' ? `${instancePath}/${params.requiredProperties[0] ?? ''}` : instancePath

/** Replaces unclear messages of the validator; `boolean` is its keyword for an unknown field. */
const ISSUES: Readonly<Record<string, string>> = { required: 'missing', boolean: 'not known' }
