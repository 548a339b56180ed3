/**
 * Login names: one function folds them for storing, comparing and counting (after PRECIS UsernameCaseMapped, RFC 8265:
 * width and compatibility forms mapped, case folded), and another decides which new names are accepted.
 */

/**
 * The form in which a name is stored in `users.login_name`, compared and counted; accepts any text. Maps letter by
 * letter, so that a final sigma equals one within a name. Upper-casing and lower-casing gives Unicode's full case
 * folding for all but a few letters, which are then folded with their look-alikes (a dotless i becomes an i).
 */
export function foldName(name: string): string {
  const mapped = [...name.normalize('NFKC').trim()].map((letter) =>
    letter.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ'),
  )
  return mapped.join('').normalize('NFKC')
}

/** The name as displayed: full-width letters and ligatures become plain ones, and case is kept. */
export const displayedName = (name: string): string => name.normalize('NFKC').trim()

/** The pattern for a route's schema; `nameProblem` checks more. */
export const USERNAME = '^[\\p{L}\\p{N}_.-]{3,32}$'

export type NameProblem = 'form' | 'mixed' | 'lookalike'

/** Letters, decimal digits of ASCII, `_ - .`, and 〇, the zero of Chinese names. */
const FORM = /^(?=.*[\p{L}0-9])[\p{L}0-9〇_.-]{3,32}$/u
/** Invisible letters, and the components of old Hangul. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u

/** The Latin letters of living orthographies and Pinyin; phonetic letters and the like only resemble others. */
const LATIN = '0-9A-Za-zªº\\u00c0-\\u017f\\u01cd-\\u01dc\\u01e6-\\u01e7\\u01f4-\\u021b\\u1e00-\\u1eff'
const EAST_ASIAN = '\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Bopomofo}\\p{scx=Hangul}'
/** Scripts in everyday use (Unicode Annex 31, table 5): a name uses letters of only one of them. */
const ALONE = [
  ...[
    'Arabic',
    'Armenian',
    'Bengali',
    'Cyrillic',
    'Devanagari',
    'Ethiopic',
    'Georgian',
    'Greek',
    'Gujarati',
    'Gurmukhi',
  ],
  ...[
    'Hebrew',
    'Kannada',
    'Khmer',
    'Lao',
    'Malayalam',
    'Myanmar',
    'Oriya',
    'Sinhala',
    'Tamil',
    'Telugu',
    'Thaana',
    'Thai',
  ],
  'Tibetan',
]
const ONE_SCRIPT = [`[${LATIN}${EAST_ASIAN}_.-]`, ...ALONE.map((script) => `[\\p{sc=${script}}0-9_.-]`)].map(
  (letters) => new RegExp(`^${letters}+$`, 'u'),
)

/**
 * Letters that look like Latin ones: from the Unicode Consortium's confusables.txt (Technical Standard 39), those of
 * the scripts above that resemble an ASCII letter. Upper case first, then lower, since a name may be displayed in
 * either.
 */
const LOOKALIKES: Readonly<Record<string, string>> = Object.fromEntries(
  [
    // Cyrillic
    ['АВСЕНІЈКМОРЅТУХҮѴԌԚԜЬӀҺԀ', 'ABCEHIJKMOPSTYXYVGQWblhd'],
    ['асеһіјӏорѕухүѵԛԝԁгь', 'acehijlopsyxyvqwdrb'],
    // Greek
    ['ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿ', 'ABEZHIKMNOPTYXCJ'],
    ['αιοσρυνγ', 'aioopuvy'],
    // Armenian
    ['ՍՕԼՏ', 'UOLS'],
    ['օոսհցզքա', 'onuhgqpw'],
    // Han characters that are mistaken for ASCII letters
    ['丨〇', 'lo'],
  ].flatMap(([from = '', to = '']) => [...from].map((letter, at) => [letter, to[at] ?? ''])),
)

/**
 * Why a new name is refused: its form, letters of scripts that do not belong together, or letters that all read as
 * ASCII (`асе` in Cyrillic). Existing accounts are not checked.
 */
export function nameProblem(name: string): NameProblem | undefined {
  const shown = displayedName(name)
  const folded = foldName(name)
  const forms = [shown, folded]
  if (forms.some((form) => !FORM.test(form) || UNSEEN.test(form))) return 'form'
  if (forms.some((form) => !ONE_SCRIPT.some((script) => script.test(form)))) return 'mixed'
  return forms.some(readsAsLatin) ? 'lookalike' : undefined
}

/** Names that sound like the shop, in folded form: people may not register them; the command line and staff may. */
const RESERVED = new Set(
  (
    'admin administrator root system owner staff manager editor finance support service help info official security ' +
    'moderator webmaster postmaster shop xuecheng ' +
    '管理员 系统管理员 超级管理员 官方客服 客服中心 财务部'
  ).split(' '),
)
export const isReservedName = (name: string): boolean => RESERVED.has(foldName(name))

/** Only ASCII letters and letters that look like them, including at least one of the latter. */
function readsAsLatin(name: string): boolean {
  const read = [...name].map((letter) => LOOKALIKES[letter] ?? letter).join('')
  return read !== name && /^[!-~]+$/.test(read)
}
