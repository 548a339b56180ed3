/** Messages of the security pages, the notices to other owners, and restored drafts, in English. */
import type chinese from './zh-CN.ts'

const security: typeof chinese = {
  security: {
    title: 'Security',
    lead: 'When the password must be entered again, and which roles need a second factor.',
    limit: 'Refunds without a new confirmation, up to (yuan)',
    limitHint:
      'When a member of staff has refunded more than this since last confirming their identity, the password is required again. With 0 it is required every time.',
    badSum: 'Enter an amount such as 1000.00',
    roles: 'Roles that need a second factor',
    rolesHint:
      'Staff with these roles must set up a second factor before they can continue. Before you require it of owners, turn on your own.',
    without: '{n} person has none yet | {n} people have none yet',
    save: 'Save',
    saved: 'Saved.',
    news: 'Security notice',
    since: '{n} important change since you last looked | {n} important changes since you last looked',
    newest: 'The latest: {action}, by {name}, {time}.',
    look: 'See the log',
    noted: 'Got it',
    onlySensitive: 'Important changes only',
    firstFactor: 'Set up a second factor first',
    firstFactorLead: 'The owner of the shop requires it for your role. Turn it on to continue.',
    onward: 'Continue',
  },
  draft: {
    offer: 'You have unsaved text from {time}. Restore it?',
    changed: 'Note: someone else has changed this since.',
    restore: 'Restore',
    discard: 'Discard',
    restored: 'Restored, but not saved yet.',
    leave: 'Your changes are not saved. Leave anyway?',
  },
}

export default security
