/** Paying with WeChat Pay, in the shop's books and the gateway's. */
import './wechat/paying.ts'
import './wechat/closing.ts'
import './wechat/bill.ts'
