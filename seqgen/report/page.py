"""The frame of every page: one file that fetches nothing, for screens of any width, light or
dark."""

from __future__ import annotations

from seqgen.report.markup import text
from seqgen.report.style import variables

# The page may not load or run anything, whatever a model wrote into its samples.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_CSS = """
*, *::before, *::after { box-sizing: border-box }
:root { --wash: color-mix(in srgb, var(--ink) 5%, var(--paper)) }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
body { margin: 0; background: var(--wash); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  font-size: 1rem }
main, header, footer { max-width: 72rem; margin: 0 auto; padding: 0 1rem }
header { padding-top: 1.5rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere }
h2 { font-size: 1.25rem; margin: 0 0 .6rem }
h3 { font-size: 1rem; margin: 1.4rem 0 .5rem }
section { background: var(--paper); border: 1px solid var(--grid); border-radius: .6rem;
  padding: 1.1rem 1.2rem; margin: 1rem 0 }
p { margin: .4rem 0; max-width: 46rem; overflow-wrap: anywhere }
.quiet, small, figcaption { color: var(--faint) }
a { color: var(--colour-0) }
ul { margin: .4rem 0; padding-left: 1.2rem }
li { overflow-wrap: anywhere }
.warnings { list-style: none; padding: 0 }
.warnings li { border-left: 4px solid var(--colour-1); padding: .3rem .8rem; margin: .5rem 0;
  background: color-mix(in srgb, var(--colour-1) 9%, transparent); max-width: 50rem }
.fine { border-left: 4px solid var(--colour-2); padding: .3rem .8rem; max-width: 50rem;
  background: color-mix(in srgb, var(--colour-2) 9%, transparent) }
.cards { list-style: none; padding: 0; display: grid; gap: .7rem;
  grid-template-columns: repeat(auto-fill, minmax(max(8.5rem, 22%), 1fr)) }
.cards li { border: 1px solid var(--grid); border-radius: .5rem; padding: .6rem .8rem }
.cards span { display: block; font-size: .85rem; color: var(--faint) }
.cards strong { display: block; font-size: 1.5rem; line-height: 1.25;
  font-variant-numeric: tabular-nums }
.pictures { display: grid; gap: 1.2rem 1.6rem;
  grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)) }
.pictures.large { grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)) }
figure { margin: 0; min-width: 0 }
figure svg { display: block; width: 100%; height: auto; max-width: 30rem }
.large figure svg { max-width: 36rem }
figcaption { font-size: .9rem; max-width: 46rem }
.box { overflow-x: auto; max-width: 100%; margin: .6rem 0; position: relative }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--grid) }
td { white-space: nowrap }
td small, th small { display: block; font-size: .8rem; font-weight: normal }
tbody th { font-weight: 600; position: sticky; left: 0; background: var(--paper);
  min-width: 8.5rem; max-width: 24rem }
tbody th.group { position: static; padding-top: 1rem; color: var(--faint); font-weight: normal }
thead th { overflow-wrap: anywhere; min-width: 6rem; max-width: 12rem; vertical-align: bottom }
td.wide { white-space: normal; overflow-wrap: anywhere; min-width: 14rem }
code, pre { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono",
  monospace; font-size: .85em }
code { user-select: all; overflow-wrap: anywhere }
pre { overflow-x: auto; background: var(--wash); border-radius: .4rem; padding: .7rem .9rem;
  margin: .5rem 0; max-width: 100% }
details { margin: .6rem 0 }
summary { cursor: pointer; padding: .2rem 0 }
:focus-visible { outline: 2px solid var(--colour-0); outline-offset: 2px }
ol.sentences { margin: .3rem 0; padding-left: 2rem }
ol.sentences li { margin: .15rem 0 }
ol.rewritings { padding-left: 1.6rem; margin: .6rem 0 }
ol.rewritings > li { border-top: 1px solid var(--grid); padding: .5rem 0 .6rem .2rem }
ol.rewritings > li::marker { color: var(--faint) }
.verdict { margin: 0 0 .2rem; font-size: .9rem; color: var(--faint) }
.verdict .yes { color: var(--colour-2) }
.verdict .no { color: var(--colour-1) }
.verdict span { margin-left: .6rem; font-weight: 600 }
dl { display: grid; grid-template-columns: 5.2rem 1fr; gap: .1rem .6rem; margin: 0;
  max-width: 60rem }
dt { color: var(--faint); font-size: .9rem }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
del, ins { border-radius: .2rem; padding: 0 .15rem; text-decoration-thickness: 1px }
del { background: color-mix(in srgb, var(--colour-1) 20%, transparent) }
ins { background: color-mix(in srgb, var(--colour-2) 22%, transparent) }
table.attention { font-size: .8rem; border-collapse: separate; border-spacing: 1px }
.attention th, .attention td { border: 0; padding: 0 }
.attention thead th { min-width: 0; vertical-align: bottom; font-weight: normal }
.attention thead span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap;
  max-height: 9rem; overflow: hidden; padding: .2rem 0; margin: 0 auto; display: block }
.attention tbody th { min-width: 0; text-align: right; padding-right: .5rem; font-weight: normal;
  white-space: nowrap; max-width: 9rem; overflow: hidden; text-overflow: ellipsis }
.attention tbody td { width: 1.7rem; min-width: 1.7rem; height: 1.45rem; text-align: center;
  vertical-align: middle; border-radius: .15rem; box-shadow: inset 0 0 0 1px var(--wash) }
footer { padding-bottom: 2rem; font-size: .9rem; color: var(--faint) }
@media (max-width: 34rem) {
  section { padding: .9rem .8rem; margin: .7rem -.4rem }
  h1 { font-size: 1.35rem }
  th.named small { display: none }
  tbody th { min-width: 5.5rem; max-width: 7rem; overflow-wrap: anywhere }
  thead th { min-width: 4rem }
  th, td { padding-right: .5rem }
  td small { white-space: normal; max-width: 5rem }
  .cards strong { font-size: 1.25rem }
}
@media print { body { background: none } section { break-inside: avoid-page; border: 0 } }
"""


def page(title: str, header: str, body: str, footer: str) -> str:
    """A whole page.

    Args:
        title: plain text, also the heading of the first level.
        header: HTML below the heading.
        body: sections.
        footer: plain text.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{variables()}{_CSS.lstrip()}</style>\n</head>\n"
        f"<body>\n<header>\n<h1>{text(title)}</h1>\n{header}\n</header>\n<main>\n{body}\n</main>\n"
        f"<footer>{text(footer)}</footer>\n</body>\n</html>\n"
    )
