"""The tables of returns: cases and workshop orders with their events, and all that belongs to them."""

from __future__ import annotations

from stb_service.rma.models.bench import (
    BoxTest,
    ComponentSwap,
    InspectionCheck,
    Labour,
    OrderPart,
)
from stb_service.rma.models.cases import CaseEvent, CaseMove, ReturnCase
from stb_service.rma.models.faults import CasePhoto, Fault, Judgement, Precheck, Statement
from stb_service.rma.models.orders import OrderEvent, OrderMove, WorkshopOrder
from stb_service.rma.models.sending import Accessory, Exchange, ExchangeEvent, Parcel
from stb_service.rma.models.terms import CaseQuote, Comparison, ModelTerms, ReturnTerms

__all__ = [
    "Accessory",
    "BoxTest",
    "CaseEvent",
    "CaseMove",
    "CasePhoto",
    "CaseQuote",
    "Comparison",
    "ComponentSwap",
    "Exchange",
    "ExchangeEvent",
    "Fault",
    "InspectionCheck",
    "Judgement",
    "Labour",
    "ModelTerms",
    "OrderEvent",
    "OrderMove",
    "OrderPart",
    "Parcel",
    "Precheck",
    "ReturnCase",
    "ReturnTerms",
    "Statement",
    "WorkshopOrder",
]
