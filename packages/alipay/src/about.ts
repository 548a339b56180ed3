/** Whether an answer is about what was asked. Answers carry no nonce: an old one, replayed, is signed just as well. */
import { UnknownOutcomeError } from '@xuecheng/client-kit'
import type { AnswerFields } from './answer.ts'
import type { TradeRef } from './fields.ts'

/** A member's text; '' where it is missing or no text. */
export const textOf = ({ values }: AnswerFields, name: string): string => {
  const value = values[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

/**
 * A refusal need not name its trade; what says that something is so must.
 * @throws UnknownOutcomeError when it is about another trade than the one asked for
 */
export function checkAbout(fields: AnswerFields, { outTradeNo, tradeNo }: TradeRef): void {
  const named = { out_trade_no: textOf(fields, 'out_trade_no'), trade_no: textOf(fields, 'trade_no') }
  // Where both are asked for, Alipay goes by its own number.
  const [name, asked] = tradeNo ? [named.trade_no, tradeNo] : [named.out_trade_no, outTradeNo]
  const mayBeSilent = fields.code !== '10000'
  if (name !== asked && !(mayBeSilent && name === ''))
    throw new UnknownOutcomeError('ANSWER_ABOUT_ANOTHER_TRADE', 'The answer is about another trade.')
}

export const unexpected = (what: string): UnknownOutcomeError =>
  new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', `The answer lacks what a ${what} always has.`)
