/** Prints docs/states.md: the state tables of the code, with a diagram of each. */
import { RIGHTS } from '../admin/permissions.ts'
import type { StateTable } from '../orders/state-table.ts'
import { ORDER_STATUSES, ORDER_TRANSITIONS } from '../orders/states.ts'
import { ATTEMPT_STATUSES, ATTEMPT_TRANSITIONS } from '../payments/attempts/states.ts'
import { REFUND_STATUSES, REFUND_TRANSITIONS } from '../payments/refunds/states.ts'

const page = [
  '# States',
  '',
  'Made by `npm run generate` from the tables in `orders/states.ts`, `payments/attempts/states.ts` and',
  '`payments/refunds/states.ts`; `npm test` fails when it is stale. The server asks these tables before every change, and the',
  'buttons of the back office come from them. Every transition is a conditional update with a line in the history of the',
  'order: who or what, when, why.',
  '',
  ...chapter('Order', ORDER_STATUSES, ORDER_TRANSITIONS, ['place → unpaid']),
  ...chapter('Payment attempt', ATTEMPT_STATUSES, ATTEMPT_TRANSITIONS, ['open → open']),
  ...chapter('Refund', REFUND_STATUSES, REFUND_TRANSITIONS, [
    'request, by the buyer → requested',
    'request, by staff or the shop itself → approved',
  ]),
  '## A payment that comes late',
  '',
  'A payment that arrives on an order that its buyer or staff **cancelled** goes back by itself: nobody wants it any more.',
  'One that arrives on an order that only **expired** is given to the buyer if it comes within 24 hours after the end, its',
  'courses are still on sale, and the buyer owns none of them: a new order of the same lines takes the payment. Otherwise it',
  'goes back by itself. Either way both orders say so in their history, and staff see the payment. A **second payment** of an',
  'order, and the price of a course that its buyer **owned already**, go back by themselves as well.',
  '',
]
process.stdout.write(page.join('\n'))

function chapter<State extends string>(
  title: string,
  statuses: readonly State[],
  table: StateTable<State>,
  begins: readonly string[],
): string[] {
  const events = Object.entries(table)
  const arrows = events.flatMap(([event, { from, to }]) =>
    from.map((status) => `  ${String(status)} --> ${String(to)}: ${event}`),
  )
  const starts = begins.map((line) => {
    const [event, status] = line.split(' → ')
    return `  [*] --> ${status}: ${event}`
  })
  const ends = statuses.filter((status) => !events.some(([, { from, to }]) => from.includes(status) && to !== status))
  return [
    `## ${title}`,
    '',
    '```mermaid',
    'stateDiagram-v2',
    ...starts,
    ...arrows,
    ...ends.map((status) => `  ${status} --> [*]`),
    '```',
    '',
    '| transition | from | to | by | needs | does |',
    '| --- | --- | --- | --- | --- | --- |',
    ...events.map(([event, { from, to, by, right, needs, does }]) => {
      const who = by.map((actor) => (actor === 'staff' && right ? `staff (${RIGHTS[right].join(', ')})` : actor))
      return `| \`${event}\` | ${from.join(', ')} | ${to} | ${who.join(', ')} | ${needs} | ${does} |`
    }),
    '',
  ]
}
