"""The roads to the tax authority that the policy names, opened for one worker process."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from verifiers.policy import BadPolicy, Policy, Road
from verifiers.portal.lane import PortalVerifier
from verifiers.portal.settings import PortalSettings
from verifiers.routes import OpenRoad, RoutedVerifier
from verifiers.shenzhen import ShenzhenVerifier
from verifiers.vendor import VendorVerifier, load_vendor
from worker.settings import Settings


def open_roads(
    policy: Policy,
    settings: Settings,
    portal: PortalSettings,
    lane: PortalVerifier,
    resources: ExitStack,
) -> RoutedVerifier:
    """The portal's `lane` and whatever else the policy names; what must be closed is left to
    `resources`. Raises `BadPolicy` for a vendor that no setting describes, and `BadVendor`."""
    opened = {Road.PORTAL: OpenRoad(str(settings.portal_url), lane)}
    if Road.SHENZHEN in policy.roads.named:
        alone = replace(portal, tabs=1, attach_url=None)
        origin = str(settings.shenzhen_origin).rstrip("/") if settings.shenzhen_origin else None
        shenzhen = resources.enter_context(ShenzhenVerifier(alone, origin=origin))
        resources.callback(shenzhen.hurry)
        opened[Road.SHENZHEN] = OpenRoad("shenzhen", shenzhen)
    if Road.VENDOR in policy.roads.named:
        if settings.vendor is None:
            raise BadPolicy(file="policy", faults="roads: a vendor, but YANPIAO_VENDOR is not set")
        vendor = load_vendor(settings.vendor)
        road = VendorVerifier(vendor)
        resources.callback(road.close)
        opened[Road.VENDOR] = OpenRoad(vendor.name, road)
    return RoutedVerifier(policy.roads, opened)
