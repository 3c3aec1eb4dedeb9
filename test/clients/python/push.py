"""Does the operations on standard input, a JSON array, with Prometheus's client for Python."""
import gzip
import json
import sys

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import (
    default_handler, delete_from_gateway, push_to_gateway, pushadd_to_gateway)


def gzip_handler(url, method, timeout, headers, data):
    compressed = [*headers, ('Content-Encoding', 'gzip')]
    return default_handler(url, method, timeout, compressed, gzip.compress(data))


def registry(value):
    result = CollectorRegistry()
    Gauge('py_gauge', 'Of Python.', registry=result).set(value)
    Counter('py_counter', 'Of Python.', ['a'], registry=result).labels('x y').inc(value)
    Histogram('py_histogram', 'Of Python.', buckets=[1, 2.5], registry=result).observe(value)
    Summary('py_summary', 'Of Python.', registry=result).observe(value)
    Info('py', 'Of Python.', registry=result).info({'version': '1'})
    return result


url, compression = sys.argv[1:]
handler = gzip_handler if compression == 'gzip' else default_handler
for step in json.load(sys.stdin):
    group = {'job': step['job'], 'grouping_key': step['grouping']}
    if step['op'] == 'delete':
        delete_from_gateway(url, **group)
    elif step['op'] == 'push':
        push_to_gateway(url, registry=registry(step['value']), handler=handler, **group)
    else:
        pushadd_to_gateway(url, registry=registry(step['value']), handler=handler, **group)
