/** Messages of the security pages, the notices to other owners, and restored drafts, in English. */
import type chinese from './zh-CN.ts'

const security: typeof chinese = {
  security: {
    title: 'Security',
    lead: 'What asks for the password again, and which roles need a second factor.',
    limit: 'Refunds without asking again, up to (yuan)',
    limitHint:
      'Once one person has refunded more than this in all since they last confirmed who they are, the password is asked for again. With 0 it is asked for each time.',
    badSum: 'Enter an amount such as 1000.00',
    roles: 'Roles that need a second factor',
    rolesHint:
      'Staff of these roles who have none set it up before they do anything else. To ask it of owners, have one yourself first.',
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
    firstFactorLead: 'The owner of the shop asks for one of your role. Once it is on, you can go on.',
    onward: 'Go on',
  },
  draft: {
    offer: 'What you typed at {time} was not saved. Restore it?',
    changed: 'Note: someone has changed this since.',
    restore: 'Restore',
    discard: 'Discard',
    restored: 'Restored, and not saved yet.',
    leave: 'Your changes are not saved. Leave all the same?',
  },
}

export default security
