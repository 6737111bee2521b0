"""What is asked of JSON documents and done to them: the languages of filters and patches, pure, below the kernel.

FILTER  grammar (query strings) → kernel.filter, with jsonpath, pathtext, pattern → condition → where
PATCH   patch, with places
It knows no HTTP, no resource, no database; what it refuses it says with a `verbs.Refusal`.
"""
