#!/usr/bin/env python3
"""Asks an instance of MISP with PyMISP for what counts: published, for detection, not deleted.

    misp_search.py URL KEY SECONDS all|attribute|event|publish ...

Prints a line `WINDOW UUID type value` for each attribute: all, and those that were changed, in a changed event or published since then.
"""

import sys

import pymisp

url, key, since, *windows = sys.argv[1:]
times = {"event": "event_timestamp", "attribute": "attribute_timestamp", "publish": "publish_timestamp"}
misp = pymisp.PyMISP(url, key, ssl=False)
for window in windows:
    time = {times[window]: since} if window in times else {}
    found = misp.search(controller="attributes", published=True, to_ids=1, include_context=True, **time)
    for attribute in found["Attribute"]:
        print(window, attribute["uuid"], attribute["type"], attribute["value"])
