"""An authorised vendor's HTTP interface as another road to the tax authority's truth: where it
is, what it is asked and how its answer reads, all in one TOML file."""

from verifiers.vendor.description import BadVendor, Vendor, load_vendor
from verifiers.vendor.road import VendorVerifier

__all__ = ["BadVendor", "Vendor", "VendorVerifier", "load_vendor"]
