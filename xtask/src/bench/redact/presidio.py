"""Presidio's recognisers of patterns over the same turns, one by one.

Its engine wants a language model that is not on PyPI, and with it names and context. So this is the part of
Presidio that does what ours does, and its time is what it takes at least.
"""

import json
import sys
import time

started = time.perf_counter()

import tldextract

# The list of public suffixes that comes with it; nothing is fetched.
tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

from presidio_analyzer import RecognizerRegistry

registry = RecognizerRegistry()
registry.load_predefined_recognizers(languages=["en"])
recognizers = [
    recognizer
    for recognizer in registry.recognizers
    if hasattr(recognizer, "patterns") or type(recognizer).__name__ == "PhoneRecognizer"
]


def analyze(text):
    return sum(len(r.analyze(text, r.supported_entities, None) or []) for r in recognizers)


analyze("ann@example.org, 4012-8888-8888-1881, +49 30 1234567")
ready = time.perf_counter() - started

turns = json.load(sys.stdin)
started = time.perf_counter()
found = sum(1 for turn in turns if analyze(turn))
elapsed = time.perf_counter() - started
print(json.dumps({
    "recognizers": len(recognizers),
    "readyMilliseconds": ready * 1e3,
    "nanoseconds": elapsed * 1e9,
    "found": found,
}))
