/** Whether the environment names a merchant at a real gateway, that is, one that is not on this machine. */
import type { Environment } from '../../config.ts'
import { isLoopbackUrl } from '../../live.ts'
import { ALIPAY_GATEWAY, isAlipaySetUp } from './alipay/is-set-up.ts'
import { isWechatSetUp, WECHAT_GATEWAY } from './wechat/is-set-up.ts'

const SET_UP = [
  { isSetUp: isAlipaySetUp, gateway: ALIPAY_GATEWAY },
  { isSetUp: isWechatSetUp, gateway: WECHAT_GATEWAY },
]

/** A gateway on this machine is another sandbox. If no gateway is named, it is the real one. */
export const hasRealMerchant = (environment: Environment): boolean =>
  SET_UP.some(({ isSetUp, gateway }) => {
    const address = environment[gateway]?.trim()
    return isSetUp(environment) && !(address && isLoopbackUrl(address))
  })
