/** Links from the rows of money health to the back office's pages on which they are repaired. */

/** Identifies the row on its page. */
export interface Place {
  readonly id?: number
  readonly number?: string
  readonly provider?: string
  readonly day?: string
  readonly row?: number
  readonly resolved?: boolean
}

export interface Found {
  readonly order_no: string | null
  readonly page: keyof typeof PAGES
  readonly place: Place | null
}

const PAGES = {
  order: (_: Place, orderNo: string | null) => `orders/${orderNo}`,
  refund: ({ number }: Place) => `refunds?q=${number}`,
  unmatched: ({ id, resolved }: Place) => `unmatched-payments?${resolved ? 'state=resolved&' : ''}id=${id}`,
  notification: ({ id }: Place) => `notifications/${id}`,
  day: ({ provider, day, row }: Place) => `reconciliation/${provider}/${day}${row === undefined ? '' : `#row-${row}`}`,
  jobs: () => 'jobs',
  'dead-job': ({ id }: Place) => `jobs?state=dead#row-${id}`,
  health: () => 'money-health',
} as const

export const linkTo = ({ order_no, page, place }: Found): string => `/admin/${PAGES[page](place ?? {}, order_no)}`
