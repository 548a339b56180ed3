/** Paying with WeChat Pay, in the books of both sides. */
import './wechat/paying.ts'
import './wechat/closing.ts'
import './wechat/bill.ts'
