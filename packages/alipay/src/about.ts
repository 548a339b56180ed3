/**
 * Checks that an answer is about the trade that was asked for. Answers carry no nonce: a replayed old one has a valid
 * signature too.
 */
import { UnknownOutcomeError } from '@xuecheng/client-kit'
import type { AnswerFields } from './answer.ts'
import type { TradeRef } from './fields.ts'

/** A member as text; '' when it is missing or neither a string nor a number. */
export const textOf = ({ values }: AnswerFields, name: string): string => {
  const value = values[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

/**
 * Checks the trade numbers in an answer. Refusals need not name their trade, so this is for successful answers.
 * @throws UnknownOutcomeError when the answer names another trade than the request
 */
export function checkAbout(fields: AnswerFields, { outTradeNo, tradeNo }: TradeRef): void {
  const named = { out_trade_no: textOf(fields, 'out_trade_no'), trade_no: textOf(fields, 'trade_no') }
  // When the request names both numbers, Alipay uses its own.
  const [name, expected] = tradeNo ? [named.trade_no, tradeNo] : [named.out_trade_no, outTradeNo]
  const mayBeSilent = fields.code !== '10000'
  if (name !== expected && !(mayBeSilent && name === ''))
    throw new UnknownOutcomeError('ANSWER_ABOUT_ANOTHER_TRADE', 'The answer is about another trade.')
}

export const unexpected = (what: string): UnknownOutcomeError =>
  new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', `The answer lacks fields that every ${what} has.`)
