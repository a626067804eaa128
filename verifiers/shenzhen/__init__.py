"""Shenzhen's blockchain invoices (区块链电子发票): verified by opening the address in their QR
code, in a real browser, and reading what the tax bureau's page shows. No captcha is asked there."""

from verifiers.shenzhen.road import ShenzhenVerifier

__all__ = ["ShenzhenVerifier"]
