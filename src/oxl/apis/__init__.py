"""The APIs that OXL serves: this tuple is the only list of them. A further one is a folder here and its name below."""

from __future__ import annotations

from oxl.apis.billing.api import BILLING
from oxl.apis.customer_bill.api import CUSTOMER_BILL
from oxl.apis.operator.api import OPERATOR
from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.apis.recommendation.api import RECOMMENDATION
from oxl.apis.usage_consumption.api import USAGE_CONSUMPTION

APIS = (PRODUCT_USAGE, PREPAY_BALANCE, USAGE_CONSUMPTION, CUSTOMER_BILL, RECOMMENDATION, OPERATOR, BILLING)
