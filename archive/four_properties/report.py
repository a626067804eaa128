"""The report of a four-property test for people: as a page to print, and as PDF/A."""

from __future__ import annotations

from html import escape
from zoneinfo import ZoneInfo

from archive.drawing.pdfa import as_pdfa, binary_streams
from archive.drawing.sheet import Column, Sheet
from archive.four_properties.model import Outcome, Property, Report, Result
from extractors.messages import say

_CHINA = ZoneInfo("Asia/Shanghai")
_STYLE = """
body { font: 14px/1.5 "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Microsoft YaHei", sans-serif;
 max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin: 1.4rem 0 .4rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dt { color: #57606a; } dd { margin: 0; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; }
th, td { border: 1px solid #d0d7de; padding: .3rem .5rem; text-align: left; vertical-align: top; }
th { background: #f6f8fa; } td:first-child { width: 28%; } td:nth-child(2) { width: 10%; }
.fail { color: #b3261e; font-weight: 600; } .pass { color: #1a7f37; }
.not_applicable { color: #57606a; } ul { margin: .2rem 0 0; padding-left: 1.2rem; }
li { overflow-wrap: anywhere; } .verdict { font-size: 1.15rem; font-weight: 600; }
@media print { body { margin: 0; } tr { break-inside: avoid; } }
"""


def item_name(result: Result, language: str) -> str:
    """How people call the item."""
    return say(f"four_{result.code}", language)


def evidence_of(result: Result, language: str) -> str:
    """By what the item passed, failed or did not apply."""
    return say(result.evidence, language, result.params)


def advice_of(result: Result, language: str) -> str:
    """What to do about a failed item; "" for others."""
    if result.outcome is not Outcome.FAIL:
        return ""
    return say(f"four_{result.code}", language, part="hint")


def conclusion(report: Report, language: str) -> str:
    """The report in a line."""
    code = "four_report_sound" if report.sound else "four_report_unsound"
    return say(code, language, {"count": len(report.failed)})


def _facts(report: Report, language: str) -> list[tuple[str, str]]:
    values = {
        "bag": report.bag,
        "voucher": report.voucher_no or "",
        "version": "" if report.version is None else str(report.version),
        "digest": report.digest or "",
        "files": str(report.files),
        "size": f"{report.size:,}",
        "at": f"{report.at.astimezone(_CHINA):%Y-%m-%d %H:%M:%S}",
    }
    return [(say(f"four_report_{name}", language), value) for name, value in values.items()]


def as_html(report: Report, language: str) -> str:
    """A page that needs nothing else, ready to print."""
    title = escape(say("four_report_title", language))
    facts = "".join(
        f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>"
        for label, value in _facts(report, language)
    )
    tables = "".join(_html_table(report, each, language) for each in Property)
    verdict = "pass" if report.sound else "fail"
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p class="verdict {verdict}">{escape(conclusion(report, language))}</p>'
        f"<dl>{facts}</dl>{tables}</body></html>\n"
    )


def _html_table(report: Report, of_property: Property, language: str) -> str:
    heads = "".join(
        f"<th>{escape(say(f'four_report_{name}', language))}</th>"
        for name in ("item", "outcome", "evidence")
    )
    rows = "".join(_html_row(result, language) for result in report.of(of_property))
    name = escape(say(f"property_{of_property}", language))
    return f"<h2>{name}</h2><table><tr>{heads}</tr>{rows}</table>"


def _html_row(result: Result, language: str) -> str:
    details = "".join(f"<li>{escape(each)}</li>" for each in result.details)
    advice = advice_of(result, language)
    told = escape(" ".join(filter(None, (evidence_of(result, language), advice))))
    return (
        f"<tr><td>{escape(item_name(result, language))}</td>"
        f'<td class="{result.outcome}">{escape(say(f"outcome_{result.outcome}", language))}</td>'
        f"<td>{told}{f'<ul>{details}</ul>' if details else ''}</td></tr>"
    )


@binary_streams()
def as_pdf(report: Report, language: str) -> bytes:
    """The same as PDF/A-2b. Raises `ArchiveFontMissing`."""
    title = say("four_report_title", language)
    sheet = Sheet(f"{title}  {report.voucher_no or report.bag}")
    sheet.title(title)
    sheet.heading(conclusion(report, language))
    for label, value in _facts(report, language):
        sheet.text(f"{label}：{value}", 9)
    names = [say(f"four_report_{name}", language) for name in ("item", "outcome", "evidence")]
    columns = [Column(name, share) for name, share in zip(names, (2.2, 0.8, 5.4), strict=True)]
    for of_property in Property:
        sheet.heading(say(f"property_{of_property}", language))
        results = report.of(of_property)
        sheet.table(
            columns,
            [
                (
                    item_name(result, language),
                    say(f"outcome_{result.outcome}", language),
                    evidence_of(result, language),
                )
                for result in results
            ],
        )
        for result in results:
            if result.outcome is Outcome.FAIL:
                sheet.text(f"{item_name(result, language)}：{advice_of(result, language)}")
                for detail in result.details:
                    sheet.text(f"    {detail}", 7.5)
    return as_pdfa(sheet.done(), title, report.at)
