"""Who it is made out to and who issued it: our own names, and the sellers and words that finance
looks at."""

from __future__ import annotations

from rapidfuzz import fuzz

from extractors.model import Kind
from verifiers.folding import fold_id, fold_name
from verifiers.policy import Buyer, ListedSeller
from verifiers.rules.case import Case, Findings, block, warn

#: Papers that are made out to a person, or to nobody.
_PERSONAL = frozenset(
    {
        Kind.DIGITAL_RAIL,
        Kind.DIGITAL_AIR,
        Kind.TRAIN_TICKET,
        Kind.AIR_ITINERARY,
        Kind.TAXI,
        Kind.QUOTA,
        Kind.FISCAL_MEDICAL,
        Kind.POS_SLIP,
        Kind.RECEIPT,
        Kind.BANK_RECEIPT,
    }
)
#: Names at least so alike (per cent of characters in place) are taken for a slip, and shown so.
_ALIKE = 75


def buyer(case: Case) -> Findings:
    """The buyer is one of our names with one of its tax ids (不符合规定的发票不得报销). Widths,
    brackets and spaces do not matter; a former name is said; a near miss is shown as one."""
    if not case.policy.buyers or case.invoice.kind in _PERSONAL:
        return ()
    name = case.invoice.buyer_name.value if case.invoice.buyer_name else ""
    tax_id = case.invoice.buyer_tax_id.value if case.invoice.buyer_tax_id else ""
    if not name and not tax_id:
        return ()  # that a needed value is unread is said elsewhere
    ours = case.policy.buyer_named(name) if name else None
    if ours is None:
        return _not_by_name(case, name, tax_id)
    found = list(_id_of(ours, tax_id))
    if fold_name(name) != fold_name(ours.name):
        found.append(warn("buyer_former_name", "buyer_name", name=name, present=ours.name))
    return tuple(found)


def listed_words(case: Case) -> Findings:
    """Words on the house list that stand in a line's name or in the remarks."""
    text = fold_name(_text(case))
    return tuple(
        warn("listed_word", "lines", word=entry.word, why=entry.why)
        for entry in case.policy.words
        if fold_name(entry.word) in text
    )


def listed_sellers(case: Case) -> Findings:
    """Sellers on the house list, by tax id or by name."""
    return tuple(
        block("listed_seller", "seller_name", name=entry.name or entry.tax_id, why=entry.why)
        for entry in case.policy.sellers
        if _is_seller(case, entry)
    )


def limits(case: Case) -> Findings:
    """The most that one invoice of a category may amount to."""
    total, text = case.total, fold_name(_text(case))
    if total is None:
        return ()
    return tuple(
        warn(
            "over_limit",
            "total_with_tax",
            category=limit.category,
            total=f"{total:.2f}",
            most=f"{limit.most:.2f}",
        )
        for limit in case.policy.limits
        if total > limit.most
        and (
            case.invoice.kind in limit.kinds or any(fold_name(word) in text for word in limit.words)
        )
    )


def _not_by_name(case: Case, name: str, tax_id: str) -> Findings:
    """The name is none of ours, or was not read: the tax id, or likeness, may still tell."""
    by_id = case.policy.buyer_with_id(tax_id) if tax_id else None
    if not name:
        shown = {"name": tax_id}
        return () if by_id else (block("buyer_not_ours", "buyer_tax_id", **shown),)
    nearest = by_id or max(
        case.policy.buyers, key=lambda each: fuzz.ratio(fold_name(name), fold_name(each.name))
    )
    alike = fuzz.ratio(fold_name(name), fold_name(nearest.name))
    if by_id is not None or alike >= _ALIKE:
        return (block("buyer_near_miss", "buyer_name", name=name, ours=nearest.name),)
    return (block("buyer_not_ours", "buyer_name", name=name),)


def _id_of(ours: Buyer, tax_id: str) -> Findings:
    """A tax id that is shown must be one of the buyer's own."""
    if not tax_id or not ours.tax_ids or fold_id(tax_id) in map(fold_id, ours.tax_ids):
        return ()
    params = {"tax_id": tax_id, "ours": " / ".join(ours.tax_ids)}
    return (block("buyer_tax_id_differs", "buyer_tax_id", **params),)


def _is_seller(case: Case, entry: ListedSeller) -> bool:
    name, tax_id = case.invoice.seller_name, case.invoice.seller_tax_id
    by_name = name is not None and fold_name(name.value) == fold_name(entry.name)
    by_id = tax_id is not None and fold_id(tax_id.value) == fold_id(entry.tax_id)
    return bool((entry.name and by_name) or (entry.tax_id and by_id))


def _text(case: Case) -> str:
    remarks = case.invoice.remarks
    return "\n".join(
        [*(line.name for line in case.invoice.lines), remarks.value if remarks else ""]
    )
