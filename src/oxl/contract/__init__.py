"""What is published of the declared APIs, and held against: made from declarations and shapes, beside the kernel.

openapi (with schemas) makes each API's document; pages serves it with home documents and documentation pages; answers
holds what is sent against it.
"""
