"""Every page and every action of the console, in Chromium, on a desktop and on a phone.

The checks of each page are in a module of their own and are collected here: one file is one process of the test run, so
that one server and one browser do for all.
"""

from __future__ import annotations

from tests.console.browser import needs_chromium
from tests.console.checks.bills import *
from tests.console.checks.catalog import *
from tests.console.checks.events import *
from tests.console.checks.overview import *
from tests.console.checks.subscriber import *
from tests.console.checks.usage import *

from tests.console.checks.sandbox import *  # isort: skip - the last: time has moved then

pytestmark = needs_chromium
