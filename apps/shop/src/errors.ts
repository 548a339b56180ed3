/** All refusals of the shop in one list: code, HTTP status, and the text in the reader's language. */

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
    'Some fields are not valid',
    'Correct the marked fields and try again.',
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
  NOT_FOUND: refusal(404, '没有这个地址', '请检查地址。', 'Not found', 'Check the address.'),
  IMPORT_NOT_READY: refusal(
    409,
    '现在不能这样操作',
    '这次导入已经开始、结束或仍有问题，请刷新后查看。',
    'This cannot be done now',
    'The import has begun, has ended, or still has problems. Reload to see.',
  ),
  PASSWORDS_GONE: refusal(
    409,
    '一次性密码已下载过',
    '密码只能由导入者下载一次。需要时请在买家页面重设密码。',
    'The one-time passwords are gone',
    'They can be downloaded once, by the person who uploaded the file. Create new ones on the buyers’ pages.',
  ),
  INTERNAL: refusal(
    500,
    '服务器出错了',
    '问题已记录，请稍后再试。',
    'Something went wrong on the server',
    'The problem has been recorded. Try again in a moment.',
  ),
  UNAVAILABLE: refusal(
    503,
    '服务暂时不可用',
    '请稍后再试，未完成的操作不会扣款。',
    'The shop is temporarily unavailable',
    'Try again shortly. You were not charged.',
  ),
  OVERLOADED: refusal(
    503,
    '当前访问人数过多',
    '请稍候几秒再试；这次请求没有产生任何订单或扣款。',
    'The shop is very busy right now',
    'Try again in a few seconds. Nothing was ordered or charged.',
  ),
  LOGIN_REQUIRED: refusal(401, '请先登录', '登录后即可继续。', 'Please log in', 'Log in to continue.'),
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
    'Enter a code',
    'This account has a second factor: enter the six digits from your authenticator app, or a recovery code.',
  ),
  WRONG_CODE: refusal(
    401,
    '验证码不正确',
    '每个验证码只能用一次。请等应用显示下一个，并检查手机时间是否准确。',
    'The code is wrong',
    'Each code works once. Wait for the next one, and check that the clock of your phone is right.',
  ),
  SECOND_FACTOR_ON: refusal(
    409,
    '两步验证已经开启',
    '要换一部手机，请先关闭，再重新开启。',
    'The second factor is already on',
    'To use another phone, turn it off and on again.',
  ),
  SECOND_FACTOR_NOT_BEGUN: refusal(
    409,
    '请从头开启两步验证',
    '这个二维码已经失效，请重新生成。',
    'Start setting up the second factor again',
    'This QR code is no longer valid. Create a new one.',
  ),
  PASSWORD_DUE: refusal(
    403,
    '请先设置新密码',
    '现在的密码是别人代为生成的。请先换成自己的密码，然后继续。',
    'Choose your own password first',
    'Your current password was set by another person. Change it, then continue.',
  ),
  SECOND_FACTOR_DUE: refusal(
    403,
    '请先开启两步验证',
    '店主要求您的角色使用两步验证。请先在「我的账号」里开启，然后继续。',
    'Set up a second factor first',
    'The owner of the shop requires one for your role. Turn it on under “My account”, then continue.',
  ),
  SECOND_FACTOR_MISSING: refusal(
    409,
    '您自己还没有开启两步验证',
    '请先在「我的账号」里为自己开启，然后再试。',
    'You have no second factor yourself',
    'Turn on your own under “My account” first, then try again.',
  ),
  PROOF_REQUIRED: refusal(
    403,
    '请再次确认是您本人',
    '这项操作需要重新输入密码；开启了两步验证的账号还要输入验证码。确认后十分钟内不再询问。',
    'Please confirm that it is you',
    'Enter your password again, and a code if your account has a second factor. You are not asked again for ten minutes.',
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
    'The new password is the same as the current one',
    'Choose another password.',
  ),
  WEAK_PASSWORD: refusal(
    422,
    '这个密码太容易被猜到',
    '请避开常见的密码、连续的数字和自己的名字；几个不相干的词连在一起就很好，不必混用大小写和符号。',
    'This password is too easy to guess',
    'Avoid common passwords, sequences of digits and your own name. A few unrelated words work well; capitals and symbols are not needed.',
  ),
  PASSWORD_EXPIRED: refusal(
    403,
    '这个一次性密码已过期',
    '请联系给您密码的人重新生成一个；店主也可以在服务器上运行 xuecheng users password。',
    'This one-time password has expired',
    'Ask the person who gave it to you for a new one; the owner of the shop can also run xuecheng users password on the server.',
  ),
  CURRENT_PASSWORD_NEEDED: refusal(
    422,
    '请再输入一次当前密码',
    '登录已有一段时间，修改密码前需要确认是您本人。',
    'Please enter the current password once more',
    'You logged in a while ago. Confirm that it is you before you change the password.',
  ),
  OWN_ACCOUNT: refusal(
    409,
    '这是您自己的账号',
    '自己的密码和两步验证请在「我的账号」里更改，那里会先确认是您本人。',
    'This is your own account',
    'Change your own password and second factor under “My account”, which first confirms that it is you.',
  ),
  SESSION_NOT_FOUND: refusal(
    404,
    '登录记录不存在',
    '它可能已经退出，请刷新查看。',
    'Session not found',
    'It may have ended already. Reload to see.',
  ),
  DEMO_PASSWORD: refusal(
    403,
    '这个账号的密码是公开的演示密码，不能在这里登录',
    '商店已正式使用。店员：请在运行商店的机器上执行 npx xuecheng users password --username 用户名，换成新密码后再登录。买家：请联系客服重设密码。',
    'This account has a public demo password, which is not accepted here',
    'The shop is live. Staff: run `npx xuecheng users password --username NAME` on the server, then log in with the new password. Buyers: ask the shop for a new one.',
  ),
  DEMO_PASSWORD_ELSEWHERE: refusal(
    403,
    '演示密码只能在运行商店的机器上使用',
    '请在那台机器的浏览器里打开 http://127.0.0.1 上的商店；或设置 DEMO=on 允许别处使用演示账号；或用 npx xuecheng users password 换成新密码。',
    'Demo passwords are accepted only on the shop’s own machine',
    'Open the shop at 127.0.0.1 there, set DEMO=on to let others use the demo accounts, or change the password with `npx xuecheng users password`.',
  ),
  PASSWORD_IS_DEMO: refusal(
    422,
    '这是公开的演示密码',
    '请换一个只有您知道的密码。',
    'This is a public demo password',
    'Choose one that only you know.',
  ),
  OWN_PASSWORD_FIRST: refusal(
    409,
    '请先换掉演示密码',
    '保存真实商户的密钥后，商店即正式使用，演示密码随即失效。请先在“我的账号”里换成自己的密码，再保存密钥。',
    'Change the demo password first',
    'With the keys of a real merchant the shop is live, and demo passwords stop working at once. Change yours on your profile page, then store the keys.',
  ),
  FIRST_RUN_CLOSED: refusal(
    409,
    '商店已有店主，或代码已失效',
    '如已有店主账号，请直接登录。否则请重新启动商店，用终端里新显示的代码；或执行 npx xuecheng users create --staff owner --username 用户名。',
    'The shop already has an owner, or the code has expired',
    'If you have the owner’s account, log in. Otherwise restart the shop and use the new code from its terminal, or run `npx xuecheng users create --staff owner --username NAME`.',
  ),
  FIRST_RUN_CODE: refusal(
    422,
    '代码不正确',
    '请输入商店启动时终端里显示的代码；商店每次启动都会换一个新的。',
    'The code is wrong',
    'Enter the code that the terminal showed when the shop started. Each start makes a new one.',
  ),
  ACCOUNT_DISABLED: refusal(403, '账号已停用', '请联系客服。', 'This account is disabled', 'Please contact the shop.'),
  TOO_MANY_ATTEMPTS: refusal(
    429,
    '尝试次数过多',
    '为保护账号，请在{wait}后再试。曾登录过的设备不受他人尝试影响；在新设备上，可同时填写密码和两步验证码（或一次性登录码）登录。',
    'Too many attempts',
    'To protect the account, try again in {wait}. Devices that have logged in before are not affected by other people’s attempts. On a new device, log in with your password and a second-factor code (or a one-time login code) together.',
  ),
  PASSWORDS_BUSY: refusal(
    429,
    '当前登录和注册的人数过多',
    '您的请求没有被处理，账号也没有变化。请稍候几秒再试。',
    'Too many people are logging in or registering at once',
    'Your request was not processed, and your account has not changed. Try again in a few seconds.',
  ),
  TOO_MANY_STREAMS: refusal(
    429,
    '同时打开的订单页面太多',
    '请关闭几个页面；在此之前，页面会每隔几秒查询一次。',
    'Too many of your order pages are open',
    'Close some of them; until then each page refreshes every few seconds.',
  ),
  PROOF_OF_WORK_REQUIRED: refusal(
    428,
    '请再试一次',
    '这个网络刚才注册过多个账号，需要由浏览器先做一次计算；本站页面会自动完成。程序请先取 /api/proof-of-work，再带上结果重试。',
    'Please try once more',
    'Several accounts were registered from this network recently, so the browser must do a computation first; the shop’s pages do this automatically. A program gets a challenge from /api/proof-of-work and sends the solution with the request.',
  ),
  USERNAME_TAKEN: refusal(409, '用户名已被使用', '请换一个用户名。', 'This username is taken', 'Choose another one.'),
  USERNAME_UNFIT: refusal(
    422,
    '这个用户名不能使用',
    '请用 3–32 位同一种文字的字母、数字或 _ - .；中文、日文、韩文可以和英文字母一起用。看上去与英文字母相同的其他文字不能使用。',
    'This username cannot be used',
    'Use 3–32 letters of one script, digits or _ - . ; Chinese, Japanese and Korean may be mixed with Latin letters. Letters of another script that look like Latin ones are not accepted.',
  ),
  NOT_ALLOWED: refusal(
    403,
    '您的角色没有这项权限',
    '如需使用，请联系店主。',
    'Your role does not allow this',
    'If you need it, ask the owner of the shop.',
  ),
  NOT_A_PICTURE: refusal(
    422,
    '这不是可用的图片',
    '请上传 PNG、JPEG 或 WebP 图片。',
    'This picture cannot be used',
    'Upload a PNG, JPEG or WebP.',
  ),
  SETTINGS_FROM_ENVIRONMENT: refusal(
    409,
    '这个支付方式由环境变量设置',
    '环境变量优先于后台填写的设置。请先从环境变量或 .env 文件中删除它们，再重启商店。',
    'This payment method is configured in the environment',
    'The environment takes precedence over the settings here. Remove its settings from the environment or the .env file and restart the shop.',
  ),
  SETTINGS_STILL_NEEDED: refusal(
    409,
    '这组密钥还不能删除',
    '用这组密钥开出的付款或退款还没有结束，别的密钥查不到它们。请等它们结束；未结束的付款也可以明确放弃，退款不能。',
    'These keys cannot be deleted yet',
    'Payments or refunds that were started with them are not finished, and no other keys can query them. Wait until they are finished. Open payments can also be given up; refunds cannot.',
  ),
  USER_NOT_FOUND: refusal(404, '没有这个账号', '请检查后重试。', 'Account not found', 'Check and try again.'),
  LAST_OWNER: refusal(
    409,
    '店铺至少需要一位店主',
    '请先把店主角色交给另一个账号。',
    'The shop needs an owner',
    'Make another person an owner first.',
  ),
  COURSE_NOT_FOUND: refusal(
    404,
    '没有这门课程',
    '它可能已经下架。',
    'Course not found',
    'It may have been taken down.',
  ),
  LESSON_NOT_FOUND: refusal(404, '没有这一课', '请从目录选择。', 'Lesson not found', 'Choose one from the list.'),
  CHAPTER_NOT_FOUND: refusal(
    404,
    '没有这一章',
    '它可能已被删除，请刷新。',
    'Chapter not found',
    'It may have been deleted. Reload.',
  ),
  COURSE_CHANGED: refusal(
    409,
    '其他人刚刚修改过',
    '没有保存。请复制您的改动，刷新后再改。',
    'Somebody else has just changed this',
    'Nothing was saved. Copy what you wrote, reload, and change it again.',
  ),
  SETTINGS_CHANGED: refusal(
    409,
    '其他人刚刚修改过',
    '没有保存。请刷新，对照后再改。',
    'Somebody else has just changed this',
    'Nothing was saved. Reload, compare, and change it again.',
  ),
  CHOICE_NOT_FOUND: refusal(
    404,
    '没有这一项',
    '它可能已被删除，请刷新。',
    'Entry not found',
    'It may have been deleted. Reload.',
  ),
  CHOICE_IN_USE: refusal(
    409,
    '还有课程在使用',
    '请先给这些课程换一个，再删除。',
    'Some courses still use it',
    'Choose another one for those courses first, then delete it.',
  ),
  CHOICES_CHANGED: refusal(
    409,
    '其他人刚刚修改过',
    '顺序没有保存。请刷新后再排。',
    'Somebody else has just changed this',
    'The new order was not saved. Reload, then sort again.',
  ),
  COURSE_INCOMPLETE: refusal(
    422,
    '课程还不能上架',
    '请先补全下面各项。',
    'The course cannot go on sale yet',
    'Complete the items listed below first.',
  ),
  COURSE_IN_USE: refusal(
    409,
    '课程已有订单或学员，不能删除',
    '可以下架：买家看不到它，已购学员仍可学习。',
    'The course has orders or learners and cannot be deleted',
    'Take it off sale instead: buyers no longer see it, and learners who own it keep access.',
  ),
  UPLOAD_KIND: refusal(
    415,
    '不支持这种文件',
    '图片须为 PNG、JPEG、GIF 或 WebP，视频须为完整的 MP4 或 WebM；以文件内容为准，改名无效。',
    'This file type is not accepted',
    'Pictures must be PNG, JPEG, GIF or WebP, and videos complete MP4 or WebM files. The content matters, not the file name.',
  ),
  UPLOAD_CUT_OFF: refusal(
    415,
    '视频文件不完整',
    '文件没有传完或导出中断，缺少播放需要的信息。请重新导出，或从原设备重新复制后再上传。',
    'The video file is incomplete',
    'It ends too early or its export was interrupted, so it cannot be played. Export or copy it again, then upload it.',
  ),
  UPLOAD_NO_PICTURES: refusal(
    415,
    '这个文件里没有画面',
    '它只有声音。请上传带画面的 MP4 或 WebM。',
    'This file has no video track',
    'It contains only sound. Upload an MP4 or WebM with a video track.',
  ),
  UPLOAD_CODEC: refusal(
    415,
    '浏览器不能播放这个视频的编码',
    '请转换成 H.264 画面、AAC 声音的 MP4，再重新上传。',
    'Browsers cannot play this video',
    'Convert it to an MP4 with H.264 video and AAC audio, then upload it again.',
  ),
  UPLOAD_TOO_LARGE: refusal(
    413,
    '文件过大',
    '图片不超过 5 MB，视频不超过 2 GB。请压缩后重试。',
    'The file is too large',
    'Pictures may be up to 5 MB, videos up to 2 GB. Make it smaller and try again.',
  ),
  UPLOAD_NOT_KEPT: refusal(
    507,
    '服务器无法保存文件',
    '磁盘已满或不可写。请联系管理员检查 DATA_DIR/uploads，然后重试。',
    'The server cannot store the file',
    'Its disk is full or not writable. Check DATA_DIR/uploads, then try again.',
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
    'You do not need to buy it again. Find it under “My courses”.',
  ),
  LINE_NOT_PAID: refusal(
    409,
    '这门课在此订单中没有付款，或已退款',
    '只有已付款且未退款的课程可以从订单开通；要赠送，请在买家页面开通。',
    'This order did not pay for the course, or it was refunded',
    'An order grants only courses that it paid for. To give the course for free, grant it on the buyer’s page.',
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
    'You do not need an order. Just start learning.',
  ),
  PAY_METHOD_UNAVAILABLE: refusal(
    422,
    '该支付方式不可用',
    '请选择其他支付方式。',
    'This payment method is not available',
    'Choose another one.',
  ),
  ORDER_NOT_FOUND: refusal(404, '没有这个订单', '请检查订单号。', 'Order not found', 'Check the order number.'),
  TOO_MANY_UNPAID_ORDERS: refusal(
    409,
    '未付款的订单太多',
    '请先在「我的订单」中付款或取消一个，然后再下单。',
    'You have too many unpaid orders',
    'Pay or cancel one of them under “My orders”, then order again.',
  ),
  ORDER_NOT_PAYABLE: refusal(
    409,
    '订单当前不能支付',
    '订单已付款、已关闭或即将过期，请查看订单状态。',
    'This order cannot be paid now',
    'It is paid, closed or about to expire. Check its status.',
  ),
  ORDER_ENDS_SOON: refusal(
    409,
    '这笔订单马上就要到期，来不及付款了',
    '没有扣款。请重新下单。',
    'This order is about to expire and can no longer be paid',
    'You were not charged. Please order again.',
  ),
  TRIAL_FROM_PRIVATE_NETWORK: refusal(
    409,
    '从内网打开的页面，不能试付手机付款',
    '支付平台只接受从公网来的手机，并且核对它的地址。请用手机（移动网络）从店铺的公网地址打开本页，再开始试付。如果店铺在代理后面，请设置 TRUST_PROXY。',
    'A phone payment cannot be tested from a private network',
    'The gateway only accepts phones on the public internet and compares their address. Open this page on your phone, with mobile data, at the shop’s public address, and start again. If the shop is behind a proxy, set TRUST_PROXY.',
  ),
  PAYMENT_DETAILS: refusal(
    409,
    '这种付款方式不接受这笔订单的内容',
    '没有扣款。请换一种付款方式，或联系客服。',
    'This payment method does not accept this order',
    'You were not charged. Choose another method, or contact the shop.',
  ),
  PAYMENT_REFUSED: refusal(
    409,
    '支付平台拒绝了这笔付款',
    '没有扣款。请换一种支付方式，或联系客服。',
    'The payment gateway refused this payment',
    'You were not charged. Choose another method, or contact the shop.',
  ),
  PAYMENT_BEGUN_TOO_OFTEN: refusal(
    409,
    '这笔订单发起支付的次数太多',
    '请在已打开的付款页完成支付；打不开时，请取消订单后重新下单。',
    'Too many payments were started for this order',
    'Pay on the payment page that is already open. If you cannot open it, cancel the order and order again.',
  ),
  ORDER_NOT_CANCELLABLE: refusal(
    409,
    '订单不能取消',
    '只有未付款的订单可以取消。',
    'This order cannot be cancelled',
    'Only unpaid orders can be cancelled.',
  ),
  REFUND_NOT_POSSIBLE: refusal(
    409,
    '该订单没有可退的款项',
    '只有已付款的订单可以退款，请查看订单状态。',
    'Nothing in this order can be refunded',
    'Only paid orders can be refunded. Check its status.',
  ),
  REFUND_TOO_MUCH: refusal(
    422,
    '退款金额超出可退金额',
    '部分款项可能已退或正在退款，请刷新后查看剩余可退金额。',
    'The amount is higher than the refundable amount',
    'Part of it may already have been refunded or is being refunded. Reload to see the refundable amount.',
  ),
  REFUND_CHANGED: refusal(
    409,
    '可退金额已变化',
    '与您看到的金额不一致，没有提交。请查看现在的金额后再确认。',
    'The refundable amount has changed',
    'It differs from the amount you saw, so nothing was sent. Check the new amount, then confirm.',
  ),
  REFUND_ASKED_TOO_OFTEN: refusal(
    409,
    '这笔订单申请退款的次数太多',
    '请联系客服，由客服为您退款。',
    'Too many refund requests for this order',
    'Please contact us; our staff will take care of it.',
  ),
  REFUND_NOT_FOUND: refusal(404, '没有这笔退款', '请检查退款号。', 'Refund not found', 'Check the refund number.'),
  REFUND_DECIDED: refusal(
    409,
    '这笔退款已处理',
    '其他人可能已经处理过，请刷新查看。',
    'This refund has already been handled',
    'Someone else may have handled it. Reload to see.',
  ),
  NOTIFICATION_CUT: refusal(
    409,
    '通知未完整保存，无法重放',
    '正文超出保存上限。请改用「查询支付平台」处理该订单。',
    'This notification was not stored completely',
    'Its body was larger than the storage limit. Query the gateway about the order instead.',
  ),
  REFUND_NUMBER_SPENT: refusal(
    409,
    '这个退款号已被支付平台关闭，钱没有退出',
    '账目没有改动，请将差异标为已处理。如仍需退款，请在订单中重新发出；账目中已记为退款成功的，请在商户平台另行付给买家。',
    'The gateway closed this refund number; no money was refunded',
    'Nothing was recorded. Mark the difference as handled. If the refund is still needed, send it again from its order; if the shop shows it as done, pay the buyer in the merchant console.',
  ),
  REFUND_MAY_BE_MADE: refusal(
    409,
    '支付平台没有确认这笔退款未退出',
    '没有停止。可能已经退出，或刚刚又发送了一次；请稍后刷新查看。',
    'The gateway does not confirm that this refund was not made',
    'It was not stopped. It may have been made, or was just sent again. Reload in a moment.',
  ),
  REFUND_UNDER_WAY: refusal(
    409,
    '支付平台尚未完成这笔退款',
    '账目没有改动。等支付平台完成后，请再次修复这条差异。',
    'The gateway has not finished this refund yet',
    'Nothing was recorded. Repair the difference again once the gateway has finished.',
  ),
  NOT_PAID_THERE: refusal(
    409,
    '支付平台没有确认这笔付款',
    '账目没有改动。请在商户平台核对；若确实没有收到钱，请在订单中收回课程，再将差异标为已处理。',
    'The gateway does not confirm this payment',
    'Nothing was changed. Look for it in the merchant console; if no money arrived, revoke the access and mark the difference as handled.',
  ),
  DIFFERENCE_CLOSED: refusal(
    409,
    '这条差异已经处理',
    '其他人可能已经处理过，请刷新查看。',
    'This difference has already been handled',
    'Someone else may have handled it. Reload to see.',
  ),
  REQUEST_UNDECIDED: refusal(
    409,
    '买家的退款申请还没有处理',
    '请先处理该申请：如果手工退的就是它，请拒绝申请并说明已退款，再记录这笔退款。',
    'The buyer’s refund request has not been answered yet',
    'Answer the request first. If it was refunded by hand, decline the request and say so, then record the refund.',
  ),
  MONEY_OF_AN_ORDER: refusal(
    409,
    '这笔款项已用于支付订单',
    '如需退还，请在该订单里退款。',
    'This payment has paid for an order',
    'To refund it, use that order.',
  ),
  REPAIR_UNFIT: refusal(
    409,
    '这种处理方式不适用',
    '请重新对账，或换一种处理方式。',
    'This repair is not possible for the difference',
    'Reconcile the day again, or choose another repair.',
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
    'See the order page for the actual status.',
  ),
  RETURN_OF_TRIAL: refusal(
    404,
    '这是一笔试付',
    '请回到后台的试付页，查看各步骤的结果。',
    'This was a trial payment',
    'See its steps on the trial page of the back office.',
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

/** A refusal with its code. Its content may be shown to the person who made the request; it never holds a secret. */
export class ShopError extends Error {
  override readonly name = 'ShopError'
  readonly code: ErrorCode
  readonly errors: readonly FieldError[]
  /** For 429 and 503: when to try again. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    options: { errors?: readonly FieldError[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(`${code}: ${REFUSALS[code].title.en}. ${detailOf(code, 'en', options.retryAfterSeconds)}`, {
      cause: options.cause,
    })
    this.code = code
    this.errors = options.errors ?? []
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** What to do about a refusal, with the time to wait if there is one. */
export function detailOf(code: ErrorCode, language: Language, seconds: number | undefined): string {
  return REFUSALS[code].detail[language].replace('{wait}', waitInWords(language, seconds ?? 60))
}

function waitInWords(language: Language, seconds: number): string {
  const [count, zh, en] =
    seconds < 60
      ? [seconds, '秒', 'second']
      : seconds <= 7200
        ? [Math.ceil(seconds / 60), '分钟', 'minute']
        : [Math.ceil(seconds / 3600), '小时', 'hour']
  return language === 'en' ? `${count} ${en}${count === 1 ? '' : 's'}` : ` ${count} ${zh}`
}

/** The language of an Accept-Language header: the first supported one; Chinese otherwise. */
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
