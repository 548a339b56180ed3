/** Columns that lists share. Each carries its label and its cell, so a column of a page is one line. */
import { h } from 'vue'
import type { RouteLocationRaw } from 'vue-router'
import { money as yuan } from '../../../../src/formats.ts'
import StatusMark, { type StatusKind } from '../../StatusMark.vue'
import TimeStamp from '../../TimeStamp.vue'
import { type Cell, link as linkTo, orderLink, small, span, stack } from './cells.ts'

export interface Column<Row> {
  readonly label: string
  /** Nothing if the row has no value here: a stacked row then leaves the cell out. */
  readonly cell: (row: Row) => Cell
  /** Right-aligned, so that digits line up. */
  readonly figure?: true
}

type Of<Row, Value> = (row: Row) => Value

/** A text, or any cell of a page's own. */
export const text = <Row>(label: string, cell: Of<Row, Cell>): Column<Row> => ({ label, cell })

/** A number, or any cell of a page's own that is aligned like one. */
export const number = <Row>(label: string, cell: Of<Row, Cell>): Column<Row> => ({ label, cell, figure: true })

export const money = <Row>(label: string, of: Of<Row, string | null>): Column<Row> =>
  number(label, (row) => {
    const amount = of(row)
    return amount === null ? null : yuan(amount)
  })

export const time = <Row>(label: string, of: Of<Row, string | null>): Column<Row> =>
  text(label, (row) => {
    const at = of(row)
    return at === null ? null : h(TimeStamp, { at })
  })

/** @param below a second line */
export const status = <Row>(
  label: string,
  kind: StatusKind,
  of: Of<Row, string>,
  below?: Of<Row, string>,
): Column<Row> =>
  text(label, (row) => {
    const mark = h(StatusMark, { of: kind, status: of(row) })
    return below ? stack([mark, small(below(row))]) : mark
  })

export const link = <Row>(label: string, of: Of<Row, Cell>, to: Of<Row, RouteLocationRaw>, classes = ''): Column<Row> =>
  text(label, (row) => linkTo(to(row), of(row), classes))

/** The name of a person, cut if it is too long for one line. */
export const person = <Row>(label: string, of: Of<Row, string>): Column<Row> =>
  text(label, (row) => span('person', of(row)))

export const order = <Row>(label: string, of: Of<Row, string | null>, classes?: string): Column<Row> =>
  text(label, (row) => {
    const orderNo = of(row)
    return orderNo === null ? null : orderLink(orderNo, classes)
  })
