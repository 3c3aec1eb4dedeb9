"""Parses the expositions of a JSON array; writes what they hold, or what is wrong with them, as another."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families


def time(stamp):
    return None if stamp is None else float(stamp)


def sample(s):
    exemplar = s.exemplar and [s.exemplar.labels, float(s.exemplar.value), time(s.exemplar.timestamp)]
    return [s.name, s.labels, float(s.value), time(s.timestamp), exemplar]


def parse(text):
    try:
        return [
            [f.name, f.type, f.documentation, f.unit, [sample(s) for s in f.samples]]
            for f in text_string_to_metric_families(text)
        ]
    except ValueError as error:
        return str(error)


json.dump([parse(text) for text in json.load(sys.stdin)], sys.stdout)
