"""What lasts: records, original files, vouchers, sealed bags, search, audit trail."""
