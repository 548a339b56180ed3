/** What the settings pages say, in English. */
import type chinese from './zh-CN.ts'

const settings: typeof chinese = {
  settings: { tabs: 'Settings', keys: 'Payment keys', trial: 'Trial payment' },
  keys: {
    title: 'Payment keys',
    lead: 'Entered once and examined before they are stored; then sealed, with only a fingerprint and the last four characters shown. A change is used at once by every process, with no restart.',
    enter: 'Enter keys',
    replace: 'Replace keys',
    remove: 'Take out of use',
    removeLead:
      'This pay method then takes no more payments (or the sandbox’s, where there is one). What was paid before can still be asked about and refunded.',
    removeYes: 'Take these keys out of use',
    removed: 'Taken out of use',
    entered: 'Entered by',
    ends: 'ends in {ends}',
    unreadable: 'These keys do not open: the shop’s own secret (AUTH_SECRET) is another one now. Enter them again.',
    mode: 'Mode',
    file: 'Read from a file',
    store: 'Check and store',
    checking: 'Checking',
    despite: 'Store all the same',
    stored: 'Stored, and in use at once',
    fine: 'Everything is right',
    blocked: 'Something is wrong with the keys; nothing was stored',
    outside: 'Nothing wrong was found with the keys, but something could not be confirmed; nothing was stored',
    former: '{n} former set | {n} former sets',
    formerHint: 'Kept so that what was paid with them can be asked about and refunded. Delete one when that is over.',
    forget: 'Delete',
    forgetLead:
      'What was paid with these keys can then not be asked about, refunded or reconciled from here any more, and a notification that comes later cannot be verified.',
    forgetYes: 'Delete for good',
    forgotten: 'Deleted',
  },
  keySource: {
    environment:
      'Set by the environment, which wins over what is entered here. To enter keys here, take them out of the environment and start again.',
    entered: 'The keys entered here are in use',
    sandbox: 'The built-in sandbox’s merchant is in use; no real money comes',
    none: 'Not set up; buyers do not see it',
  },
  keyMode: { public_key: 'Public key', certificates: 'Certificates' },
  verdict: { ok: 'Right', warning: 'Note', problem: 'Wrong', unknown: 'Unknown' },
  trial: {
    title: 'Trial payment',
    lead: 'Pays ¥0.01 through the real gateway and proves keys, pay link, notification, query and refund, step by step. The money goes back by itself and is no sale.',
    method: 'Pay method',
    start: 'Start a trial of ¥0.01',
    starting: 'Making the link',
    none: 'No pay method is set up yet',
    noneHint: 'Enter the payment keys first.',
    pay: 'Pay at the gateway',
    scan: 'Scan this with your phone to pay',
    payHint: 'The cashier opens in a new window. Pay as a buyer would, then come back: the steps go on by themselves.',
    until: 'The link lives until {time}',
    started: 'Started by {who}, {time}',
    steps: 'Steps',
    history: 'Last trial payments',
    number: 'Attempt number',
    outcome: 'Outcome',
    when: 'Started',
    who: 'By',
    toInbox: 'Open the notification',
    toRefunds: 'Open refunds',
    show: 'Show',
    begun: 'The trial payment has begun',
  },
  trialStep: {
    link: 'Pay link made',
    payment: 'Payment seen',
    notification: 'Notification came and is genuine',
    query: 'The gateway’s query agrees',
    refund: 'Paid back',
    refund_query: 'The refund’s query agrees',
  },
  stepState: { todo: 'Not yet', doing: 'Under way', done: 'Done', late: 'Takes too long', failed: 'Failed' },
  trialOutcome: {
    waiting: 'Waits for payment',
    under_way: 'Under way',
    passed: 'Everything works',
    failed: 'A step did not pass',
    abandoned: 'Not paid, closed',
  },
  advice: {
    PAY_NOW: 'Open the link and pay ¥0.01.',
    ABANDONED: 'Nobody paid it in time. Start another one.',
    NOTIFICATION_LATE:
      'No notification within 60 seconds. Is PUBLIC_URL an address that the internet can reach (try it with a phone off your network), with no firewall or login before it? Orders are still settled by asking, only later.',
    NOTIFICATION_REFUSED:
      'It came, but did not pass the checks. Open it to see which one; most often the gateway’s public key is the wrong one.',
    GATEWAY_SILENT:
      'The gateway gave no answer that can be believed; it is asked again. Check its address, the network and its public key.',
    QUERY_DIFFERS:
      'The query does not say the same as the payment that came; it is asked again. If that goes on, check that application and merchant belong together.',
    REFUND_WAITS:
      'The refund was sent and has no outcome yet; it is sent again with the same number. Check the merchant’s balance and its right to refund.',
    REFUND_REFUSED: 'The gateway refused the refund. The refunds page says why; send it again from there.',
  },
}

export default settings
