/** The console's style: denser than the cashier's, on the same tokens. */

export const CONSOLE_STYLE = `
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: var(--text-15)/1.5 var(--sans) }
.band { background: repeating-linear-gradient(-45deg, #7a4f00 0 14px, #664200 14px 28px); color: #fff; text-align: center; padding: 4px 16px; font-size: var(--text-13); font-weight: 600; letter-spacing: .06em }
header { display: flex; flex-wrap: wrap; gap: 8px 28px; align-items: center; padding: 14px 24px; border-bottom: 1px solid var(--line); background: var(--raised) }
.brand { display: inline-flex; align-items: center; gap: 10px; font: 600 var(--text-17)/1.3 var(--serif); color: inherit; text-decoration: none }
.mark { display: inline-grid; place-items: center; width: 28px; height: 28px; border-radius: 5px; background: var(--jade); color: var(--paper); font-size: var(--text-15) }
nav { display: flex; flex-wrap: wrap; gap: 4px 20px; flex: 1 } nav a { color: var(--soft); text-decoration: none; padding: 6px 0; border-bottom: 2px solid transparent } nav a:hover { color: var(--ink) } nav a[aria-current] { color: var(--ink); border-color: var(--jade) }
.ahead { flex-basis: 100%; margin: 0; color: var(--amber); font-size: var(--text-13) } .ahead:empty { display: none } .ahead a { color: inherit }
.clock, .number, td, pre { font-variant-numeric: tabular-nums } .clock { color: var(--soft); font-size: var(--text-13) }
main { max-width: 1280px; margin: 0 auto; padding: 24px }
h1 { font: 600 var(--text-21)/1.25 var(--sans); margin: 0 0 16px } h2 { font-size: var(--text-17); margin: 32px 0 12px; line-height: 1.25 }
.soft { color: var(--soft); font-weight: 400 } a { color: var(--ink); text-underline-offset: 3px }
.table { overflow-x: auto; background: var(--raised); border: 1px solid var(--line); border-radius: var(--radius) }
table { width: 100%; border-collapse: collapse; font-size: var(--text-13) }
th { text-align: left; font-weight: 500; color: var(--soft); white-space: nowrap } th, td { padding: 9px 14px; border-bottom: 1px solid var(--line); vertical-align: top } tbody tr:last-child > * { border-bottom: 0 }
td { overflow-wrap: anywhere; min-width: 96px } td.key { min-width: 260px } td.address { min-width: 200px } .right { text-align: right; white-space: nowrap } .nowrap { white-space: nowrap }
.badge { display: inline-block; font-size: 12px; font-weight: 600; white-space: nowrap } .badge::before { content: ""; display: inline-block; width: 7px; height: 7px; border-radius: 50%; background: currentColor; margin-right: 6px }
.jade { color: var(--jade) } .amber { color: var(--amber) } .alarm { color: var(--alarm) } .plain { color: var(--soft) }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 6px 20px; margin: 0; padding: 18px; background: var(--raised); border: 1px solid var(--line); border-radius: var(--radius); font-size: var(--text-13) } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
pre { margin: 0; padding: 12px 14px; background: var(--sunken); border-radius: var(--radius-control); font: 12px/1.55 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 320px; overflow-y: auto }
.attempt { border: 1px solid var(--line); background: var(--raised); border-radius: var(--radius); padding: 16px; margin: 0 0 12px; display: grid; gap: 10px } .attempt h3 { margin: 0; font-size: var(--text-15) } .attempt h4 { margin: 0; font-size: var(--text-13); color: var(--soft); font-weight: 500 }
button, .button { font: 500 var(--text-13)/1.4 var(--sans); color: var(--ink); background: var(--raised); border: 1px solid var(--faint); border-radius: var(--radius-control); padding: 8px 14px; cursor: pointer } button:hover { background: var(--sunken) } button.primary { background: var(--seal); border-color: var(--seal); color: var(--on-seal) }
:focus-visible { outline: 2px solid var(--jade); outline-offset: 2px }
.bar { display: flex; flex-wrap: wrap; gap: 12px; align-items: center; margin: 0 0 16px } .bar form { display: flex; flex-wrap: wrap; gap: 10px; align-items: end; margin: 0 } .bar form > span { align-self: center }
input, select { font: inherit; font-size: var(--text-13); color: var(--ink); background: var(--paper); border: 1px solid var(--faint); border-radius: var(--radius-control); padding: 7px 10px; min-height: 36px }
label { font-size: var(--text-13); color: var(--soft); display: inline-grid; gap: 3px } .empty { padding: 40px 24px; text-align: center; border: 1px dashed var(--line); border-radius: var(--radius) }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px; margin-bottom: 20px } .card { background: var(--raised); border: 1px solid var(--line); border-radius: var(--radius); padding: 14px 18px } .card b { display: block; font-size: var(--text-21); font-weight: 600; font-variant-numeric: tabular-nums }
@media (max-width: 700px) { nav { flex-basis: 100%; flex-wrap: nowrap; overflow-x: auto; white-space: nowrap } .clock { order: -1; flex-basis: 100%; text-align: right; display: none } label, label input, label select { width: 100% } .bar form { width: 100% } header, main { padding-left: 16px; padding-right: 16px } dl { grid-template-columns: minmax(0, 1fr) } dt { margin-top: 6px } }
`
