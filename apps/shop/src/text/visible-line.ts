/** Names that other people see: one line of visible characters. */

/** Joiners and variation selectors, which emoji and some scripts need; they are invisible by themselves. */
const JOINERS = '\\u200c\\u200d\\ufe0e\\ufe0f'

/**
 * A pattern for schemas: no control characters or line ends, no marks that change the text direction, nothing without a
 * shape of its own, at most four marks on one letter, and at least one visible character.
 */
export const VISIBLE_LINE =
  `^(?=.*[^\\s\\p{M}\\u2800${JOINERS}])(?!.*\\p{M}{5})` +
  `(?:[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}]|[${JOINERS}])+$`

const visibleLine = new RegExp(VISIBLE_LINE, 'u')

/** Whether a text may be displayed as a name. */
export const isVisibleLine = (text: string): boolean => visibleLine.test(text)

export const NAME_LENGTH = 64
