"""Forecasts which experts a mixture-of-experts model will choose next."""

from .shape import DECODE, NO_EXPERT, PREFILL, Shape

__all__ = ["DECODE", "NO_EXPERT", "PREFILL", "Shape"]
