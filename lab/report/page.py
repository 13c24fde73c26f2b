"""The report of a run: one HTML page that loads nothing and runs nothing."""

from collections.abc import Sequence
from html import escape
from typing import Any

from lab.measures.catalogue import measure_of
from lab.report.drawing import draw, legend
from lab.report.grid import draw_grid

STYLE = """
:root { color-scheme: light dark; --ink:#1b2430; --dim:#5d6b7b; --line:#dfe4ea; --paper:#fff;
  --soft:#f5f7f9; --good:#19703a; --bad:#b3261e; --c1:#1f6feb; --c2:#8a5a00; --c3:#7a3fb0; --c4:#00736b;
  --m1:#b3261e; --m2:#c25e00; --m3:#7a3fb0; --m4:#5d6b7b }
@media (prefers-color-scheme: dark) { :root { --ink:#e6ebf1; --dim:#9aa7b5; --line:#323c48;
  --paper:#151b22; --soft:#1d252e; --good:#56c47f; --bad:#ff8a80; --c1:#6cb0ff; --c2:#e5b04b;
  --c3:#c99bf5; --c4:#4fcfc3; --m1:#ff8a80; --m2:#ffb066; --m3:#c99bf5; --m4:#9aa7b5 } }
* { box-sizing:border-box }
body { margin:0; background:var(--paper); color:var(--ink); font:16px/1.5 system-ui,sans-serif }
main { max-width:60rem; margin:0 auto; padding:1.5rem 1rem 4rem }
h1 { font-size:1.6rem; line-height:1.25; margin:.2rem 0 } h2 { font-size:1.15rem; margin:2.2rem 0 .6rem }
.dim { color:var(--dim) } .about { max-width:44rem }
.verdict { display:inline-block; padding:.15rem .7rem; border-radius:1rem; font-weight:600;
  border:2px solid currentColor }
.pass { color:var(--good) } .fail { color:var(--bad) }
table { border-collapse:collapse; width:100%; font-size:.92rem }
th,td { text-align:start; padding:.35rem .7rem .35rem 0; border-bottom:1px solid var(--line);
  vertical-align:top } td.n { font-variant-numeric:tabular-nums; white-space:nowrap }
svg { width:100%; height:auto; background:var(--soft); border-radius:.4rem } svg.narrow { display:none }
svg text { font:13px system-ui,sans-serif; fill:var(--dim); paint-order:stroke; stroke:var(--soft);
  stroke-width:4px } .g { stroke:var(--line) }
polyline { fill:none; stroke-width:1.6 } .c1 { stroke:var(--c1) } .c2 { stroke:var(--c2) }
.c3 { stroke:var(--c3) } .c4 { stroke:var(--c4) } polyline.c2 { stroke-width:2.4 }
.m1 { fill:var(--m1); stroke:var(--m1) } .m2 { fill:var(--m2); stroke:var(--m2) }
.m3 { fill:var(--m3); stroke:var(--m3) } .m4 { fill:var(--m4); stroke:var(--m4) }
rect { stroke:none } .hair { stroke-width:.6; opacity:.5 }
.limit { stroke:var(--bad); stroke-dasharray:6 4 }
.legend { list-style:none; display:flex; flex-wrap:wrap; gap:.2rem 1.2rem; padding:0; margin:.4rem 0 0;
  font-size:.9rem } .legend i { display:inline-block; width:1.1rem; height:0; margin-inline-end:.4rem;
  border-top:3px solid; vertical-align:middle }
.legend i.c1 { border-color:var(--c1) } .legend i.c2 { border-color:var(--c2) }
.legend i.c3 { border-color:var(--c3) } .legend i.c4 { border-color:var(--c4) }
.legend i.limit { border-top-style:dashed; border-color:var(--bad) }
.broken { margin:.4rem 0 0; padding-inline-start:1.2rem; font-size:.9rem }
figure { margin:0 0 1.6rem } figcaption { font-weight:600; margin-bottom:.3rem }
.sign { fill:none; stroke:currentColor; stroke-width:3 } .sign.good { color:var(--good); fill:currentColor }
.sign.bad { color:var(--bad) } .sign.odd { color:var(--m2) } .sign.none { color:var(--dim) }
.legend svg.key { width:1.1rem; height:1.1rem; background:none; margin-inline-end:.4rem; vertical-align:middle }
code { overflow-wrap:anywhere }
@media (max-width:40rem) { svg.wide { display:none } svg.narrow { display:block }
  thead { position:absolute; clip-path:inset(50%); width:1px; height:1px; overflow:hidden }
  tr { display:block; padding:.4rem 0; border-bottom:1px solid var(--line) }
  td { display:block; border:0; padding:0 } td.n { white-space:normal }
  td[data-label]::before { content:attr(data-label) ": "; color:var(--dim) } }
""".strip()
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


HOLDS, FAILS = '<b class="pass">holds</b>', '<b class="fail">fails</b>'
Cell = tuple[str, str]  # its class, and its HTML


def report_of(result: dict[str, Any]) -> str:
    """Return the page of a result."""
    scenario = result["scenario"]
    parts = [
        _head(result),
        "<h2>Expected and measured</h2>",
        _expectations(result["expectations"]),
        "<h2 id='when'>What happened when</h2>" if result["plots"] else "",
        *(_figure(plot, result["expectations"]) for plot in result["plots"]),
        *(_grid(grid) for grid in result["grids"]),
        *(_table(table) for table in result["tables"]),
        "<h2>All figures</h2>",
        _figures(result["measures"]),
        "<h2>Made from</h2>",
        _facts(result),
    ]
    told = [scenario["title"], f"seed {result['seed']}", result["verdict"]]
    title = escape(" · ".join(told + ["changed"] * bool(result.get("changes"))))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{title}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(result: dict[str, Any]) -> str:
    scenario, verdict = result["scenario"], escape(result["verdict"])
    failed = sum(not one["holds"] for one in result["expectations"])
    total = len(result["expectations"])
    told = f"{failed} of {total} not as expected" if failed else f"all {total} as expected"
    changes = result.get("changes", [])
    told += ", but of a changed scenario" if changes else ""
    return (
        f'<p class="dim">{escape(scenario["name"])} · seed {result["seed"]} · '
        f'evidence: {escape(result["evidence"])}</p><h1 dir="auto">{escape(scenario["title"])}</h1>'
        f'<p><span class="verdict {verdict}">{verdict}</span> {told}</p>{_changes(changes)}'
        f'<p class="about" dir="auto">{escape(scenario["about"])}</p>'
    )


def _changes(changes: list[dict[str, Any]]) -> str:
    """Return what a run has not as its scenario's file, whose own words tell of the file."""
    if not changes:
        return ""
    rows: list[list[Cell]] = [
        [
            ("", f"<code>{escape(one['name'])}</code>"),
            ("", "not set" if one["before"] is None else f"<code>{escape(one['before'])}</code>"),
            ("", f"<code>{escape(one['now'])}</code>"),
        ]
        for one in changes
    ]
    heads = ("changed for this run", "in the file", "in this run")
    note = "Title and description do not know of these changes."
    return f'{_rows(("", *heads[1:]), rows, heads=heads)}<p class="dim">{note}</p>'


def _expectations(checked: list[dict[str, Any]]) -> str:
    rows: list[list[Cell]] = [
        [
            ("", HOLDS if one["holds"] else FAILS),
            ("", f"<code>{escape(one['measure'])}</code>"),
            ("", escape(one["expected"])),
            ("n", _value(one)),
        ]
        for one in sorted(checked, key=lambda one: bool(one["holds"]))
    ]
    return _rows(("", "figure", "expected", "measured"), rows)


def _value(figure: dict[str, Any]) -> str:
    unit = figure["unit"]
    if unit == "yes/no":
        unit = "(yes)" if figure["value"] else "(no)"
    return escape(f"{figure['value']:g} {unit}".strip())


def _figures(measures: dict[str, Any]) -> str:
    rows: list[list[Cell]] = []
    for name, figure in measures.items():
        measure = measure_of(name)
        about, source = (measure.about, measure.source) if measure else ("", "")
        meaning = f'{escape(about)}<br/><span class="dim">{escape(source)}</span>'
        rows.append([("", f"<code>{escape(name)}</code>"), ("n", _value(figure)), ("", meaning)])
    return _rows(("", "value", ""), rows, heads=("figure", "value", "meaning and source"))


def _facts(result: dict[str, Any]) -> str:
    facts = {
        **result["facts"],
        "scenario sha256": result["scenario"]["digest"],
        **{f"version of {name}": version for name, version in result["made_with"].items()},
    }
    rows: list[list[Cell]] = [
        [("", escape(name)), ("", f"<code>{escape(str(value))}</code>")]
        for name, value in facts.items()
    ]
    return _rows(("", ""), rows, heads=("what", "value"))


def _grid(grid: dict[str, Any]) -> str:
    return f'<h2 dir="auto">{escape(grid["title"])}</h2><figure>{draw_grid(grid)}</figure>'


def _table(table: dict[str, Any]) -> str:
    rows: list[list[Cell]] = [[("", escape(word)) for word in row] for row in table["rows"]]
    return f'<h2 dir="auto">{escape(table["title"])}</h2>{_rows(table["columns"], rows)}'


def _rows(labels: Sequence[str], rows: list[list[Cell]], heads: Sequence[str] = ()) -> str:
    """Return a table; a phone, which shows no heads, shows the labels of the cells."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in heads or labels)
    body = "".join(
        f"<tr>{''.join(_cell(*pair) for pair in zip(labels, row, strict=True))}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(label: str, cell: Cell) -> str:
    css, words = cell
    told = f' data-label="{escape(label)}"' if label else ""
    dress = f' class="{css}"' if css else ""
    return f"<td{told}{dress}>{words}</td>"


def _figure(plot: dict[str, Any], checked: list[dict[str, Any]]) -> str:
    caption = f"{escape(plot['title'])} <span class='dim'>{escape(plot['unit'])}</span>"
    return (
        f'<figure><figcaption dir="auto">{caption}</figcaption>{draw(plot)}{legend(plot)}'
        f"{_broken(plot, checked)}</figure>"
    )


def _broken(plot: dict[str, Any], checked: list[dict[str, Any]]) -> str:
    """Return what is not as expected of the stream that a plot is of ("STREAM: what it shows")."""
    stream, colon, _ = plot["title"].partition(":")
    told = [
        f"<li><code>{escape(one['measure'])}</code> is {_value(one)}, "
        f"expected {escape(one['expected'])}</li>"
        for one in checked
        if colon and not one["holds"] and one["measure"].startswith(f"{stream}.")
    ]
    return f'<ul class="broken">{"".join(told)}</ul>' if told else ""
