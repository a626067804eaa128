"""Errors of asking for what is not there."""

from __future__ import annotations

from extractors.errors import YanpiaoError


class UnknownDocument(YanpiaoError):
    code = "unknown_document"


class UnknownBatch(YanpiaoError):
    code = "unknown_batch"


class UnknownVoucher(YanpiaoError):
    code = "unknown_voucher"


class NothingToDrop(YanpiaoError):
    code = "nothing_to_drop"


class FileMissing(YanpiaoError):
    code = "file_missing"


class TooManyFiles(YanpiaoError):
    code = "upload_too_many"


class CaptchaGone(YanpiaoError):
    code = "captcha_gone"


class CaptchaAnswerInvalid(YanpiaoError):
    code = "captcha_answer_invalid"


class CampusNeeded(YanpiaoError):
    """Nobody said which campus the files belong to, or it is none of the submitter's."""

    code = "campus_needed"
