/** The cashier's style, on the shared tokens. */

export const CASHIER_STYLE = `
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; background: var(--paper); color: var(--ink); font: var(--text-15)/var(--leading-text) var(--sans); -webkit-text-size-adjust: 100% }
.band { background: repeating-linear-gradient(-45deg, #7a4f00 0 14px, #664200 14px 28px); color: #fff; text-align: center; padding: 8px 16px; font-size: var(--text-13); font-weight: 600; letter-spacing: .04em }
header { display: flex; justify-content: space-between; align-items: center; max-width: 920px; margin: 0 auto; padding: 20px 24px }
.brand { display: inline-flex; align-items: center; gap: 12px; font: 600 var(--text-21)/1.25 var(--serif) }
.mark { display: inline-grid; place-items: center; width: 34px; height: 34px; border-radius: 6px; background: var(--jade); color: var(--paper); font-size: var(--text-17) }
main { max-width: 920px; margin: 0 auto; padding: 12px 24px 64px; display: grid; gap: 24px; grid-template-columns: minmax(0, 1fr) minmax(0, 400px); align-items: start }
main > :only-child { grid-column: 1 / -1; width: 100%; max-width: 480px; margin: 0 auto }
h1, h2 { margin: 0; line-height: var(--leading-title); overflow-wrap: anywhere; text-wrap: balance }
.summary { padding: 24px 0 }
.summary h1 { font: 600 var(--text-28)/var(--leading-title) var(--serif) }
.summary .amount { margin: 24px 0 28px }
.label { display: block; color: var(--soft); font-size: var(--text-13) }
.money { font-size: var(--text-38); font-weight: 600; line-height: 1.2; font-variant-numeric: tabular-nums; letter-spacing: -.01em }
.money small { font-size: .6em; margin-right: .15em; font-weight: 500 }
.number { font-variant-numeric: tabular-nums }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 8px 20px; margin: 0; padding-top: 20px; border-top: 1px solid var(--line); font-size: var(--text-13) }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
.card { background: var(--raised); border: 1px solid var(--line); border-radius: var(--radius); padding: 28px }
.card h2 { font-size: var(--text-21); font-weight: 600; margin-bottom: 20px }
form { display: grid; gap: 6px; margin: 0 }
label { color: var(--soft); font-size: var(--text-13); margin-top: 10px }
input { font: inherit; font-size: var(--text-17); color: var(--ink); background: var(--paper); border: 1px solid var(--faint); border-radius: var(--radius-control); padding: 10px 12px; width: 100%; min-height: 46px }
input[aria-invalid] { border-color: var(--alarm) }
:focus-visible { outline: 2px solid var(--jade); outline-offset: 2px }
.primary { display: block; width: 100%; margin-top: 20px; padding: 12px 16px; min-height: 48px; border: 0; border-radius: var(--radius-control); background: var(--seal); color: var(--on-seal); font: 600 var(--text-17)/1.4 var(--sans); text-align: center; text-decoration: none; cursor: pointer; transition: filter var(--quick) }
.primary:hover { filter: brightness(.93) }
.quiet { border: 0; background: none; padding: 8px 0; color: var(--soft); font: inherit; font-size: var(--text-13); text-decoration: underline; text-underline-offset: 3px; cursor: pointer; white-space: nowrap }
.quiet:hover { color: var(--ink) }
.hint { color: var(--soft); font-size: var(--text-13); margin: 16px 0 0 } .hint a { color: inherit } .address { margin-top: 8px; overflow-wrap: anywhere } .ahead { color: var(--amber) }
.alarm { margin: 0 0 12px; padding: 10px 14px; border-left: 3px solid var(--alarm); background: var(--sunken); color: var(--alarm); border-radius: 0 var(--radius-control) var(--radius-control) 0 }
.account { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 12px; padding: 12px 16px; margin-bottom: 16px; background: var(--sunken); border-radius: var(--radius-control) }
.account strong { display: block; font-weight: 600; overflow-wrap: anywhere }
.done { text-align: center; padding: 40px 28px }
.done h1 { font: 600 var(--text-28)/var(--leading-title) var(--serif); margin: 16px 0 8px }
.done .money { margin: 0; }
.done dl { text-align: left; margin-top: 24px }
.tick { fill: none; stroke: var(--jade); stroke-width: 3; stroke-linecap: round; stroke-linejoin: round }
.scan { display: flex; gap: 18px; align-items: center; margin-top: 24px; padding-top: 22px; border-top: 1px solid var(--line) }
.scan .hint { margin: 4px 0 0 } .qr { flex: none; display: block; width: 112px; height: 112px; padding: 4px; border-radius: var(--radius-control); background: #fff } .qr svg { display: block; width: 100%; height: 100% }
@media (max-width: 760px) {
  header { padding: 16px 20px } main { grid-template-columns: minmax(0, 1fr); gap: 8px; padding: 0 20px 48px }
  .summary { padding: 8px 0 16px } .summary h1 { font-size: var(--text-21) } .summary .amount { margin: 16px 0 } .card { padding: 22px 20px }
}
`
