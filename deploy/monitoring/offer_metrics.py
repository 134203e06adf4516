"""The metric of offers, made and withheld."""

from __future__ import annotations

from typing import get_args

from prometheus_client import Counter

from schemas.offers import Offer, OfferDecision, WithholdingReason

OFFERS_TOTAL = Counter("lifelong_offers_total", "Offers made, and withheld by the reason.", ["decision"])
for _decision in ("made", *get_args(WithholdingReason)):
    OFFERS_TOTAL.labels(_decision)


def count_offer(decision: OfferDecision) -> None:
    """Count what became of an occasion."""
    OFFERS_TOTAL.labels("made" if isinstance(decision, Offer) else decision.because).inc()
