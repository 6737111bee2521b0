"""Every page and every action of the console, in Chromium, on a desktop and on a phone.

The checks of each page are in a module of their own and are collected here: one file is one process of the test run, so
that one server and one browser do for all.
"""

from __future__ import annotations

from tests.console.browser import needs_chromium
from tests.console.checks.overview import *
from tests.console.checks.subscriber import *

pytestmark = needs_chromium
