"""What OXL serves, as the client knows it: a module for each API with its BASE, a Kind for each resource, and the types of
their documents. The modules are generated of the declarations; what their documents have in common is here.
"""

from __future__ import annotations

from typing import TypedDict

Typed = TypedDict("Typed", {"@type": str, "@baseType": str, "@schemaLocation": str}, total=False)
Referring = TypedDict(
    "Referring", {"@type": str, "@baseType": str, "@schemaLocation": str, "@referredType": str}, total=False
)
