"""What lasts: records, original files, vouchers, sealed bags, search, audit trail."""

from pathlib import Path

from extractors.messages import register

register(Path(__file__).parent / "locales")
