/** What a login and a registration send; validates a new username or password before it is sent. */
import { t } from '../i18n.ts'

export interface Credentials {
  username: string
  password: string
  /** Of the second factor. */
  code?: string
}

export interface NewAccount {
  username: string
  password: string
  displayName?: string
}

const PASSWORD_LENGTH = 8
const USERNAME = /^[\p{L}\p{N}_.-]{3,32}$/u

/** @param label the field's label on the page @returns the error, if any */
export function wrongUsername(username: string, label: string): string | undefined {
  if (username.trim() === '') return t('account.required', { what: label })
  return USERNAME.test(username.trim()) ? undefined : t('account.badUsername')
}

/** @param label the field's label on the page @returns the error, if any */
export function wrongPassword(password: string, label: string): string | undefined {
  if (password === '') return t('account.required', { what: label })
  return password.length < PASSWORD_LENGTH ? t('account.tooShort', { n: PASSWORD_LENGTH }) : undefined
}
