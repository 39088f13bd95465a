"""Updates the table of measurements.md from the measurements and their norms: ``python docs/measures.py``.

The table is between ``<!-- measurements -->`` and ``<!-- end -->``; a test fails if it is out of date.
"""

import re
from pathlib import Path

from cephkit.cephalometry.analyses import ANALYSES
from cephkit.cephalometry.classes import RULES
from cephkit.cephalometry.limits import LIMITS
from cephkit.cephalometry.measures import MEASUREMENTS
from cephkit.cephalometry.norms import NormRow, norm_rows

PAGE = Path(__file__).with_name("measurements.md")


def norm_text(row: NormRow) -> str:
    """A row of norms.csv as text."""
    norm = row.norm
    figures = [] if norm.mean is None else [f"{norm.mean:g}" + ("" if norm.sd is None else f" ± {norm.sd:g}")]
    if norm.low is not None and norm.high is not None:
        figures += [f"{norm.low:g} to {norm.high:g}"]
    else:
        figures += [] if norm.low is None else [f"at least {norm.low:g}"]
        figures += [] if norm.high is None else [f"at most {norm.high:g}"]
    text = ", ".join(figures)
    conditions: list[str] = [row.sex] if row.sex is not None else []
    if row.given is not None:
        low, high = row.start > float("-inf"), row.end < float("inf")
        span = (f" from {row.start:g}" if low else "") + (f" to {row.end:g}" if high else "")
        rate = f", {row.per_unit:+g} per {'year' if row.given == 'age' else 'degree'}" if row.per_unit else ""
        conditions.append(f"{row.given}{span}{rate}" if span else f"another {row.given}")
    conditions += [f"sample: {norm.sample}"] if str(norm.sample) else []
    if conditions:
        text += f" ({', '.join(conditions)})"
    return f"{text}: {norm.kind}"


def table() -> str:
    """A section per analysis, a row per measurement."""
    lines: list[str] = []
    for analysis in ANALYSES:
        lines += [
            "",
            f"### {analysis}",
            "",
            "| name | id | unit | formula | meaning | possible range | norm |",
            "| --- " * 7 + "|",
        ]
        sources: dict[str, None] = {}
        for entry in MEASUREMENTS:
            if analysis not in entry.analyses:
                continue
            mine = [row for row in norm_rows() if (row.measurement, row.analysis) == (entry.id, analysis)]
            used = [row for row in mine if row.verified]
            sources |= dict.fromkeys(row.norm.source for row in used)
            meaning = f"{entry.title}; {entry.note}" if entry.note else entry.title
            rule = RULES.get((entry.id, analysis))
            meaning += f". Classes: {', '.join(band.name for band in rule.bands)} ({rule.name})" if rule else ""
            uncitable = any(row.status == "N" for row in mine)
            unused = "not used: no citable source" if uncitable else "not used: not verified"
            norm = "; ".join(norm_text(row) for row in used) or (unused if mine else "none")
            formula = str(entry.formula).replace("`", "'")
            name = entry.analyses[analysis].replace("`", "'")
            lines.append(
                f"| {name} | `{entry.id}` | {entry.unit} | `{formula}` | {meaning.replace('`', chr(39))} "
                f"| {LIMITS[entry.id].low:g} to {LIMITS[entry.id].high:g} | {norm} |"
            )
        lines += ["", f"Norms: {'; '.join(sources)}." if sources else "No verified norms."]
    return "\n".join(lines).strip()


def rendered(text: str) -> str:
    """``text`` with the table updated."""
    marked = f"<!-- measurements -->\n\n{table()}\n\n<!-- end -->"
    return re.sub(r"<!-- measurements -->.*?<!-- end -->", lambda match: marked, text, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
