"""The programming interface, `/api/v1`: what the accounting system and other programs call."""
