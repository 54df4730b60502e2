"""Validates each line of standard input as an event of OCSF 1.8.0, of the class and with the profiles that it names."""

import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
validators = {}
events = 0
for line in sys.stdin:
    event = json.loads(line)
    key = (event["class_name"].lower().replace(" ", "_"), tuple(event["metadata"]["profiles"]))
    if key not in validators:
        validators[key] = Draft202012Validator(schemas.get_class_schema(key[0], list(key[1])))
    for error in validators[key].iter_errors(event):
        sys.exit(f"{error.json_path}: {error.message}")
    events += 1
print(events)
