import { expect, test } from 'vitest'
import { readConfig } from '../../config.ts'
import { ALIPAY } from './alipay/definition.ts'
import { configWith } from './definition.ts'

test('beside keys that were entered, the environment says which contracts the shop has, and nothing of another merchant', () => {
  const config = readConfig({ ALIPAY_APP_ID: '2021000000000001', ALIPAY_WAP: 'off' }, () => false)
  const environment = (values: Record<string, string>) => configWith(config, values, ALIPAY.fields).environment
  expect(environment({ ALIPAY_APP_ID: '2021000000000002' })).toEqual({
    ALIPAY_APP_ID: '2021000000000002',
    ALIPAY_WAP: 'off',
  })
  expect(environment({ ALIPAY_WAP: 'on' })).toEqual({ ALIPAY_WAP: 'on' })
})
