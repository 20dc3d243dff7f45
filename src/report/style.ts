import { Markup } from "./markup.ts";

/** Of the report: light and dark by what the reader's system prefers. Blue and orange are told apart by readers who see few colours, too. */
export const style = new Markup(`
:root { --back: #fff; --text: #1b1f24; --soft: #5c6570; --line: #d8dde3; --panel: #f5f7f9; --live: #0067a8; --other: #d96b00; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14171a; --text: #e6e9ec; --soft: #9aa4ae; --line: #343a41; --panel: #1e2227; --live: #5bb3ee; --other: #f5a348; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.125rem; margin: 2.25rem 0 .5rem; }
p { margin: .25rem 0 .75rem; }
.finding { font-size: 1.0625rem; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; }
.tile b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.tile span { display: block; }
.tile small { color: var(--soft); }
figure { margin: 0; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 13px system-ui, sans-serif; }
.grid { stroke: var(--line); }
rect.live, .swatch.live { fill: var(--live); background: var(--live); }
rect.other, .swatch.other { fill: var(--other); background: var(--other); }
.line { fill: none; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
.line.live { stroke: var(--live); }
.line.other { stroke: var(--other); }
.line.Max { stroke-width: 1; opacity: .65; }
.legend { color: var(--soft); margin: 0 0 .25rem; }
.swatch { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin: 0 .35rem 0 0; }
.swatch.other { margin-left: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9375rem; }
th, td { text-align: left; padding: .25rem 1.25rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { white-space: nowrap; }
td.text, .about td { white-space: normal; overflow-wrap: anywhere; min-width: 6rem; }
th { font-weight: 600; color: var(--soft); }
details summary { cursor: pointer; color: var(--soft); margin: .25rem 0; }
`);
