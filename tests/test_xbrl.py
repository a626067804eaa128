"""XBRL instances of rail and air: journeys, sums and businesses, whatever the year and spelling."""

from __future__ import annotations

import pytest

from extractors.limits import Limits
from extractors.model import Invoice, Kind, Source
from extractors.structured import read_xml
from fixtures.maker import draw_truth
from fixtures.maker.xbrl import air_instance, rail_instance
from tests.cuts import TODAY


def read(elements: str, family: str = "rai") -> Invoice:
    taxonomy = f"http://xbrl.mof.gov.cn/taxonomy/2025-05-14/{family}"
    head = f'xmlns="http://www.xbrl.org/2003/instance" xmlns:{family}="{taxonomy}"'
    invoice = read_xml(f"<xbrl {head}>{elements}</xbrl>".encode(), Limits())
    assert invoice is not None
    return invoice


def texts(invoice: Invoice) -> dict[str, str]:
    return {name: field.value for name, field in invoice.extra.items()}


@pytest.mark.parametrize("seed", range(20))
def test_a_made_rail_instance_is_read_whole(seed: int) -> None:
    truth = draw_truth("digital_rail_xbrl", seed, today=TODAY)
    ((name, content),) = rail_instance(truth).items()
    assert name == f"rai_issuer_{truth.issue_date:%Y%m%d}_{truth.invoice_number}.xml"
    invoice = read_xml(content, Limits())
    assert invoice is not None
    assert invoice.kind is Kind.DIGITAL_RAIL
    for field in ("invoice_number", "issue_date", "buyer_name", "buyer_tax_id"):
        found = getattr(invoice, field)
        assert (found.value if found else None) == getattr(truth, field)
    for field in ("total_without_tax", "total_tax", "total_with_tax"):
        assert getattr(invoice, field).value == getattr(truth, field)
    silent = {"carriage", "seat", "eticket_number"} - set(invoice.extra)
    assert texts(invoice) == {"business": "售"} | {
        key: text for key, text in truth.extra.items() if key not in silent
    }


@pytest.mark.parametrize("seed", range(20))
def test_a_made_air_instance_is_read_whole(seed: int) -> None:
    truth = draw_truth("digital_air", seed, today=TODAY)
    for content in air_instance(truth).values():
        invoice = read_xml(content, Limits())
        assert invoice is not None
        assert invoice.kind is Kind.DIGITAL_AIR
        assert texts(invoice) == truth.extra
        assert invoice.total_tax is not None
        assert invoice.total_tax.value == truth.total_tax
        assert invoice.check_code is not None
        assert invoice.check_code.value == truth.check_code
        assert invoice.seller_name is not None
        assert invoice.seller_name.value == truth.seller_name


def test_units_and_spellings_are_taken_off() -> None:
    elements = (
        "<rai:DepartureStation>武汉站</rai:DepartureStation>"
        "<rai:DestinationStation>北京西</rai:DestinationStation>"
        "<rai:Carriage>08车</rai:Carriage><rai:Seat>05B号</rai:Seat>"
        "<rai:TravelDate>2025-03-31</rai:TravelDate><rai:DepartureTime>08:36开</rai:DepartureTime>"
        "<rai:Fare>623</rai:Fare><rai:TypeOfBusiness>改</rai:TypeOfBusiness>"
    )
    assert texts(read(elements)) == {
        "from": "武汉",
        "to": "北京西",
        "carriage": "08",
        "seat": "05B",
        "departure": "2025-03-31 08:36",
        "fare": "623.00",
        "business": "改签",
    }


@pytest.mark.parametrize("clock", ["25:10", "", "noon", "08:61"])
def test_a_departure_needs_a_day_and_a_time_of_day(clock: str) -> None:
    day = "<rai:TravelDate>2025-03-31</rai:TravelDate>"
    invoice = read(f"{day}<rai:DepartureTime>{clock}</rai:DepartureTime><rai:Fare>1.00</rai:Fare>")
    assert "departure" not in invoice.extra
    assert invoice.sources == (Source.XBRL,)


def test_a_leg_without_its_flight_leaves_flights_out() -> None:
    legs = (
        "<atr:DetailInformationOfAirTicketTuple><atr:DepartureStation>合肥 HFE"
        "</atr:DepartureStation><atr:Flight>CZ8866</atr:Flight>"
        "</atr:DetailInformationOfAirTicketTuple>"
        "<atr:DetailInformationOfAirTicketTuple><atr:DepartureStation>广州T2 CAN"
        "</atr:DepartureStation></atr:DetailInformationOfAirTicketTuple>"
    )
    extra = texts(read(legs + "<atr:TotalAmount>620.00</atr:TotalAmount>", "atr"))
    assert extra == {"from": "合肥; 广州"}
