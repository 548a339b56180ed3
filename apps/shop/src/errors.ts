/** Everything that the shop refuses, in one list: code, HTTP status, and what to say in the reader's language. */

export type Language = 'zh-CN' | 'en'

interface Refusal {
  readonly status: number
  readonly title: Readonly<Record<Language, string>>
  /** What to do about it. */
  readonly detail: Readonly<Record<Language, string>>
}

const refusal = (status: number, zhTitle: string, zhDetail: string, title: string, detail: string): Refusal => ({
  status,
  title: { 'zh-CN': zhTitle, en: title },
  detail: { 'zh-CN': zhDetail, en: detail },
})

export const REFUSALS = {
  INVALID_INPUT: refusal(
    422,
    '提交的内容有误',
    '请修改标出的字段后重试。',
    'Something in the request is not right',
    'Correct the fields named here and try again.',
  ),
  MALFORMED_REQUEST: refusal(
    400,
    '无法读取请求',
    '请求体须为有效的 JSON。',
    'The request cannot be read',
    'The body must be valid JSON.',
  ),
  UNSUPPORTED_MEDIA_TYPE: refusal(
    415,
    '不支持的内容类型',
    '请使用 application/json。',
    'Unsupported content type',
    'Send application/json.',
  ),
  HEADERS_TOO_LARGE: refusal(
    431,
    '请求头过大',
    '请清除本站的 Cookie 后重试。',
    'The headers of the request are too large',
    'Clear the cookies of this site and try again.',
  ),
  REQUEST_TIMEOUT: refusal(
    408,
    '请求未在时限内到达',
    '请检查网络后重试。',
    'The request did not arrive in time',
    'Check the network and try again.',
  ),
  TOO_LARGE: refusal(413, '请求过大', '请缩小内容后重试。', 'The request is too large', 'Send less and try again.'),
  FORBIDDEN_ORIGIN: refusal(
    403,
    '请求来自其他网站',
    '请在本站页面内操作。',
    'The request came from another site',
    'Use the pages of this shop.',
  ),
  NOT_FOUND: refusal(404, '没有这个地址', '请检查地址。', 'There is nothing here', 'Check the address.'),
  IMPORT_NOT_READY: refusal(
    409,
    '现在不能这样操作',
    '这次导入已经开始、结束或仍有问题，请刷新后查看。',
    'This cannot be done now',
    'The import has begun, has ended, or still has problems. Reload to see.',
  ),
  PASSWORDS_GONE: refusal(
    409,
    '一次性密码已被取走',
    '密码只能由导入者下载一次。需要时请在买家页面重设密码。',
    'The one-time passwords are gone',
    'They can be downloaded once, by whoever uploaded the file. Make new ones on the pages of the buyers.',
  ),
  EXPORT_RUNNING: refusal(
    409,
    '您的上一次导出还在进行',
    '一次只能导出一份。请等它完成，或先停止它。',
    'Your last export is still under way',
    'One at a time: wait until it is done, or stop it first.',
  ),
  EXPORT_ENDED: refusal(
    409,
    '这次导出已经结束',
    '没有什么可以停止的。请刷新后查看。',
    'This export has ended already',
    'There is nothing left to stop. Reload to see what became of it.',
  ),
  EXPORT_NOT_THERE: refusal(
    409,
    '没有可以下载的文件',
    '这次导出还没有完成、已停止、没有成功，或文件已过期。请重新导出。',
    'There is no file to download',
    'This export is not done yet, was stopped, failed, or its file has expired. Export again.',
  ),
  INTERNAL: refusal(
    500,
    '服务器出错了',
    '问题已记录，请稍后再试。',
    'The server failed',
    'It has been recorded. Try again in a moment.',
  ),
  UNAVAILABLE: refusal(
    503,
    '服务暂时不可用',
    '请稍后再试，未完成的操作不会扣款。',
    'The shop is unavailable for a moment',
    'Try again shortly; nothing was charged by this request.',
  ),
  OVERLOADED: refusal(
    503,
    '访问的人太多了',
    '请稍候几秒再试；这次请求没有产生任何订单或扣款。',
    'Too many people are here at once',
    'Try again in a few seconds; this request ordered nothing and charged nothing.',
  ),
  LOGIN_REQUIRED: refusal(401, '请先登录', '登录后即可继续。', 'Please log in', 'Log in to go on.'),
  BAD_CREDENTIALS: refusal(
    401,
    '用户名或密码不正确',
    '请检查后重试。',
    'Wrong username or password',
    'Check both and try again.',
  ),
  SECOND_FACTOR_REQUIRED: refusal(
    401,
    '请输入验证码',
    '这个账号开启了两步验证：请输入验证器应用上的 6 位数字，或一个恢复码。',
    'A code is needed',
    'This account has a second factor: enter the six digits of the authenticator application, or a recovery code.',
  ),
  WRONG_CODE: refusal(
    401,
    '验证码不正确',
    '每个验证码只能用一次。请等应用显示下一个，并检查手机时间是否准确。',
    'The code is not right',
    'Each code is good once. Wait for the next one, and see that the clock of your phone is right.',
  ),
  SECOND_FACTOR_ON: refusal(
    409,
    '两步验证已经开启',
    '要换一部手机，请先关闭，再重新开启。',
    'The second factor is on already',
    'To use another phone, turn it off and on again.',
  ),
  SECOND_FACTOR_NOT_BEGUN: refusal(
    409,
    '请从头开启两步验证',
    '这个二维码已经失效，请重新生成。',
    'Begin again with the second factor',
    'This QR code is no longer good. Make another one.',
  ),
  PASSWORD_DUE: refusal(
    403,
    '请先设置新密码',
    '现在的密码是别人代为生成的。请先换成自己的密码，然后继续。',
    'Choose a password of your own first',
    'Somebody else made up the present one. Change it to your own, then go on.',
  ),
  WRONG_PASSWORD: refusal(
    422,
    '当前密码不正确',
    '请检查后重试。',
    'The current password is wrong',
    'Check it and try again.',
  ),
  SAME_PASSWORD: refusal(
    422,
    '新密码与当前密码相同',
    '请换一个不同的密码。',
    'The new password is the current one',
    'Choose another one.',
  ),
  OWN_ACCOUNT: refusal(
    409,
    '这是您自己的账号',
    '自己的密码和两步验证请在「我的账号」里更改，那里会先确认是您本人。',
    'This is your own account',
    'Change your own password and second factor under “My account”, which makes sure first that it is you.',
  ),
  SESSION_NOT_FOUND: refusal(
    404,
    '没有这个登录',
    '它可能已经退出，请刷新查看。',
    'There is no such session',
    'It may have ended already. Reload to see.',
  ),
  ACCOUNT_DISABLED: refusal(403, '账号已停用', '请联系客服。', 'This account is disabled', 'Please contact the shop.'),
  TOO_MANY_ATTEMPTS: refusal(
    429,
    '尝试次数过多',
    '为保护账号，请稍后再试。',
    'Too many attempts',
    'To protect the account, please wait before trying again.',
  ),
  TOO_MANY_STREAMS: refusal(
    429,
    '同时打开的订单页面太多',
    '请关闭几个页面；在此之前，页面会每隔几秒查询一次。',
    'Too many of your order pages are open',
    'Close some of them; until then a page asks every few seconds.',
  ),
  USERNAME_TAKEN: refusal(409, '用户名已被使用', '请换一个用户名。', 'This username is taken', 'Choose another one.'),
  NOT_ALLOWED: refusal(
    403,
    '您的角色没有这项权限',
    '如需使用，请联系店主。',
    'Your role does not allow this',
    'Ask the owner of the shop if you need it.',
  ),
  NOT_A_PICTURE: refusal(
    422,
    '这不是可用的图片',
    '请上传 PNG、JPEG 或 WebP 图片。',
    'This is no picture that can be used',
    'Upload a PNG, JPEG or WebP.',
  ),
  SETTINGS_FROM_ENVIRONMENT: refusal(
    409,
    '这个支付方式由环境变量设置',
    '环境变量优先于后台填写的设置。请先从环境变量或 .env 文件中删除它们，再重启商店。',
    'This pay method is set up by the environment',
    'The environment wins over what is entered here. Take its settings out of the environment or the .env file and start the shop again.',
  ),
  SETTINGS_STILL_NEEDED: refusal(
    409,
    '这组密钥还不能删除',
    '这是该支付方式的最后一组密钥，而它还有付款或退款没有结束；删除后无法再向支付平台查询，订单会一直关不掉。请等它们结束，或先填写新的密钥，再删除这组。',
    'These keys cannot be deleted yet',
    'They are the last ones of this method, and payments or refunds of it have not ended: nobody could ask the gateway about them, and their orders could not be closed. Wait until they have ended, or enter new keys first, then delete these.',
  ),
  USER_NOT_FOUND: refusal(404, '没有这个账号', '请检查后重试。', 'There is no such account', 'Check and try again.'),
  LAST_OWNER: refusal(
    409,
    '店铺至少需要一位店主',
    '请先把店主角色交给另一个账号。',
    'The shop needs an owner',
    'Make somebody else an owner first.',
  ),
  COURSE_NOT_FOUND: refusal(
    404,
    '没有这门课程',
    '它可能已经下架。',
    'There is no such course',
    'It may have been taken down.',
  ),
  LESSON_NOT_FOUND: refusal(
    404,
    '没有这一课',
    '请从目录选择。',
    'There is no such lesson',
    'Choose one from the list.',
  ),
  CHAPTER_NOT_FOUND: refusal(
    404,
    '没有这一章',
    '它可能已被删除，请刷新。',
    'There is no such chapter',
    'It may have been deleted. Reload.',
  ),
  COURSE_CHANGED: refusal(
    409,
    '其他人刚刚修改过',
    '没有保存。请复制您的改动，刷新后再改。',
    'Somebody else has just changed this',
    'Nothing was saved. Copy what you wrote, reload, and change it again.',
  ),
  CHOICE_NOT_FOUND: refusal(
    404,
    '没有这一项',
    '它可能已被删除，请刷新。',
    'There is no such entry',
    'It may have been deleted. Reload.',
  ),
  CHOICE_IN_USE: refusal(
    409,
    '还有课程在使用',
    '请先给这些课程换一个，再删除。',
    'Courses still have it',
    'Give those courses another one first, then delete it.',
  ),
  CHOICES_CHANGED: refusal(
    409,
    '其他人刚刚修改过',
    '顺序没有保存。请刷新后再排。',
    'Somebody else has just changed this',
    'The order was not saved. Reload, and put it in order again.',
  ),
  COURSE_INCOMPLETE: refusal(
    422,
    '课程还不能上架',
    '请先补全下面各项。',
    'The course is not ready to be sold',
    'Complete what is named below first.',
  ),
  COURSE_IN_USE: refusal(
    409,
    '课程已有订单或学员，不能删除',
    '可以下架：买家看不到它，已购学员仍可学习。',
    'The course was ordered or is owned and cannot be deleted',
    'Take it off sale instead: nobody sees it any more, and its owners go on reading.',
  ),
  UPLOAD_KIND: refusal(
    415,
    '不支持这种文件',
    '图片须为 PNG、JPEG、GIF 或 WebP，视频须为 MP4 或 WebM；以文件内容为准，改名无效。',
    'This kind of file is not taken',
    'A picture is PNG, JPEG, GIF or WebP, a video MP4 or WebM: by what is in it, whatever its name.',
  ),
  UPLOAD_TOO_LARGE: refusal(
    413,
    '文件过大',
    '图片不超过 5 MB，视频不超过 2 GB。请压缩后重试。',
    'The file is too large',
    'A picture may have 5 MB, a video 2 GB. Make it smaller and try again.',
  ),
  UPLOAD_NOT_KEPT: refusal(
    507,
    '服务器无法保存文件',
    '磁盘已满或不可写。请联系管理员检查 DATA_DIR/uploads，然后重试。',
    'The server cannot keep the file',
    'Its disk is full or may not be written. Have DATA_DIR/uploads looked at, then try again.',
  ),
  COURSE_NOT_OWNED: refusal(
    403,
    '尚未购买这门课程',
    '购买后即可学习全部内容。',
    'You do not own this course yet',
    'Buy it to read all of its lessons.',
  ),
  COURSE_NOT_FREE: refusal(
    409,
    '这门课程需要购买',
    '请先下单付款。',
    'This course is not free',
    'Please buy it first.',
  ),
  COURSE_ALREADY_OWNED: refusal(
    409,
    '已拥有其中的课程',
    '无需重复购买，可在「我的课程」中学习。',
    'You already own a course in this order',
    'No need to buy it again: find it under My courses.',
  ),
  LINE_NOT_PAID: refusal(
    409,
    '这门课在此订单中没有付款，或已退款',
    '只有已付款且未退款的课程可以从订单开通；要赠送，请在买家页面开通。',
    'This order has not paid for the course, or it was paid back',
    'Only what is paid for is granted from an order. For a gift, grant it on the page of the buyer.',
  ),
  PRICE_MISMATCH: refusal(
    422,
    '价格已变化',
    '提交的金额与当前价格不一致，请刷新后再下单。',
    'The price has changed',
    'The amount sent is not the current price. Reload and order again.',
  ),
  NOTHING_TO_PAY: refusal(
    422,
    '这些课程是免费的',
    '无需下单，直接开始学习即可。',
    'These courses are free',
    'No order is needed: just start learning.',
  ),
  PAY_METHOD_UNAVAILABLE: refusal(
    422,
    '该支付方式不可用',
    '请选择其他支付方式。',
    'This payment method is not available',
    'Choose another one.',
  ),
  ORDER_NOT_FOUND: refusal(404, '没有这个订单', '请检查订单号。', 'There is no such order', 'Check the order number.'),
  ORDER_NOT_PAYABLE: refusal(
    409,
    '订单当前不能支付',
    '订单已付款、已关闭或即将过期，请查看订单状态。',
    'This order cannot be paid now',
    'It is paid, closed or about to expire. See its state.',
  ),
  PAYMENT_BEGUN_TOO_OFTEN: refusal(
    409,
    '这笔订单发起支付的次数太多',
    '请在已打开的付款页完成支付；打不开时，请取消订单后重新下单。',
    'A payment was begun too often for this order',
    'Pay on the page that is open; if it cannot be opened, cancel the order and buy again.',
  ),
  ORDER_NOT_CANCELLABLE: refusal(
    409,
    '订单不能取消',
    '只有未付款的订单可以取消。',
    'This order cannot be cancelled',
    'Only an unpaid order can.',
  ),
  REFUND_NOT_POSSIBLE: refusal(
    409,
    '该订单没有可退的款项',
    '只有已付款的订单可以退款，请查看订单状态。',
    'Nothing of this order can be refunded',
    'Only a paid order can. See its state.',
  ),
  REFUND_TOO_MUCH: refusal(
    422,
    '退款金额超出可退金额',
    '部分款项可能已退或正在退款，请刷新后查看剩余可退金额。',
    'That is more than can be refunded',
    'Some of it may have gone back already, or be on its way. Reload to see what is left.',
  ),
  REFUND_CHANGED: refusal(
    409,
    '可退金额已变化',
    '与您看到的金额不一致，没有提交。请查看现在的金额后再确认。',
    'What can be refunded has changed',
    'It is not the sum you were shown, so nothing was sent. Look at the sum again, then confirm.',
  ),
  REFUND_ASKED_TOO_OFTEN: refusal(
    409,
    '这笔订单申请退款的次数太多',
    '请联系客服，由客服为您退款。',
    'A refund was asked for too often for this order',
    'Please write to us: our staff will see to it.',
  ),
  REFUND_NOT_FOUND: refusal(404, '没有这笔退款', '请检查退款号。', 'There is no such refund', 'Check its number.'),
  REFUND_DECIDED: refusal(
    409,
    '这笔退款已处理',
    '其他人可能已经处理过，请刷新查看。',
    'This refund was decided already',
    'Somebody may have been faster. Reload to see.',
  ),
  NOTIFICATION_CUT: refusal(
    409,
    '通知未完整保存，无法重放',
    '正文超出保存上限。请改用「查询支付平台」处理该订单。',
    'This notification was not kept whole',
    'Its body was larger than what is kept. Ask the gateway about the order instead.',
  ),
  REFUND_NUMBER_SPENT: refusal(
    409,
    '这个退款号已被支付平台关闭，钱没有退出',
    '账目没有改动，请将差异标为已阅。如仍需退款，请在订单中重新发出；账目中已记为退款成功的，请在商户平台另行付给买家。',
    'The gateway has closed this refund number: nothing went back by it',
    'Nothing was recorded. Note the difference as seen. A refund that is still wanted is sent again from its order; where the books call it made, pay the buyer in the merchant console.',
  ),
  REFUND_UNDER_WAY: refusal(
    409,
    '支付平台尚未完成这笔退款',
    '账目没有改动。等支付平台完成后，请再次修复这条差异。',
    'The gateway has not finished this refund yet',
    'Nothing was recorded. Repair the difference again once it has ended over there.',
  ),
  NOT_PAID_THERE: refusal(
    409,
    '支付平台没有确认这笔付款',
    '账目没有改动。请在商户平台核对；若确实没有收到钱，请在订单中收回课程，再将差异标为已阅。',
    'The gateway does not confirm this payment',
    'Nothing was changed. Look for it in the merchant console; if no money came, take the access back and note the difference as seen.',
  ),
  DIFFERENCE_CLOSED: refusal(
    409,
    '这条差异已经处理',
    '其他人可能已经处理过，请刷新查看。',
    'This difference is closed already',
    'Somebody may have been faster. Reload to see.',
  ),
  REQUEST_UNDECIDED: refusal(
    409,
    '买家的退款申请还没有答复',
    '请先处理该申请：如果手工退的就是它，请拒绝申请并说明已退款，再记录这笔退款。',
    'The buyer has asked for this money, and has no answer yet',
    'Decide on the request first: if this is what went back by hand, decline it and say so, then record the refund.',
  ),
  MONEY_OF_AN_ORDER: refusal(
    409,
    '这笔钱已付清一个订单',
    '如需退还，请在该订单里退款。',
    'This money has paid for an order',
    'To give it back, refund it from that order.',
  ),
  REPAIR_UNFIT: refusal(
    409,
    '这种处理方式不适用',
    '请重新对账，或换一种处理方式。',
    'This repair does not fit the difference',
    'Run the day again, or choose another repair.',
  ),
  IDEMPOTENCY_KEY_REUSED: refusal(
    422,
    'Idempotency-Key 已用于另一个请求',
    '请为不同的内容换一个新的键。',
    'This Idempotency-Key was used for another request',
    'Use a new key for a different body.',
  ),
  RETURN_NOT_VERIFIED: refusal(
    400,
    '返回参数未通过验证',
    '请以订单页显示的状态为准。',
    'The return parameters could not be verified',
    'Trust what the order page says.',
  ),
  RETURN_OF_TRIAL: refusal(
    404,
    '这是一笔试付',
    '请回到后台的试付页，查看各步骤的结果。',
    'This was a trial payment',
    'Go back to the trial page of the back office to see its steps.',
  ),
  GATEWAY_UNAVAILABLE: refusal(
    503,
    '暂时无法连接支付平台',
    '订单没有变化，请稍后再试。',
    'The payment gateway cannot be reached',
    'The order has not changed. Try again shortly.',
  ),
} as const satisfies Record<string, Refusal>

export type ErrorCode = keyof typeof REFUSALS

export interface FieldError {
  readonly field: string
  readonly message: string
}

/** A refusal with its code. What it carries may be shown to the person who asked; it never holds a secret. */
export class ShopError extends Error {
  override readonly name = 'ShopError'
  readonly code: ErrorCode
  readonly errors: readonly FieldError[]
  /** For 429 and 503: when it is worth trying again. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    options: { errors?: readonly FieldError[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(`${code}: ${REFUSALS[code].title.en}. ${REFUSALS[code].detail.en}`, { cause: options.cause })
    this.code = code
    this.errors = options.errors ?? []
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** The language of an Accept-Language header: the first of ours that is named; Chinese otherwise. */
export function readerLanguage(header: string | undefined): Language {
  const wanted = (header ?? '')
    .split(',')
    .map((part) => {
      const [tag = '', weight] = part
        .trim()
        .toLowerCase()
        .split(/;\s*q=/)
      return { tag, weight: weight === undefined ? 1 : Number(weight) || 0 }
    })
    .filter(({ tag, weight }) => weight > 0 && /^(zh|en)\b/.test(tag))
    .sort((left, right) => right.weight - left.weight)
  return wanted[0]?.tag.startsWith('en') ? 'en' : 'zh-CN'
}
