"""Why a deed at the desk is refused. Each names its sentence in `worker/locales/review.*.toml`."""

from __future__ import annotations

from extractors.errors import YanpiaoError


class NotInCharge(YanpiaoError):
    """The actor is no reviewer of the document's campus."""

    code = "review_not_in_charge"


class OwnUpload(YanpiaoError):
    """Nobody reviews what they handed in themselves."""

    code = "review_own_upload"


class NotNow(YanpiaoError):
    """The document is not in a state in which this can be done."""

    code = "review_not_now"


class UnderWay(YanpiaoError):
    """A worker has it in hand, or its voucher is being sealed."""

    code = "review_under_way"


class CaseChanged(YanpiaoError):
    """Somebody was first: `actor` and `action` of the deed, or empty for a worker; `at` when."""

    code = "review_case_changed"


class NotAcceptable(YanpiaoError):
    """`cause` is the code of what nobody may accept."""

    code = "review_not_acceptable"


class ReasonNeeded(YanpiaoError):
    """The action needs a reason of the list, or the reason needs words of one's own."""

    code = "review_reason_needed"


class BadCorrection(YanpiaoError):
    """`field` cannot hold `value`."""

    code = "review_bad_correction"


class NothingToConfirm(YanpiaoError):
    """Nothing was corrected, and confirming what was read changes nothing."""

    code = "review_nothing_to_confirm"


class NothingToUndo(YanpiaoError):
    """There is no deed to take back, or something has come of it."""

    code = "review_nothing_to_undo"


class SecondPersonNeeded(YanpiaoError):
    """Whoever proposed cannot be the second pair of eyes."""

    code = "review_second_person"


class InvoiceTaken(YanpiaoError):
    """Another document stands for the invoice."""

    code = "review_invoice_taken"


class PictureKnown(YanpiaoError):
    """These bytes were handed in before, and cannot stand in another document's place."""

    code = "review_picture_known"


class SamePicture(YanpiaoError):
    """What was handed in as a better picture is the picture that was there."""

    code = "review_same_picture"


class TokenReused(YanpiaoError):
    """The client's word for one click came with another click."""

    code = "review_token_reused"
