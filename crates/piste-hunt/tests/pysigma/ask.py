"""Asks pySigma's SQLite backend which rows rules match.

In: on stdin, JSON of `rows` (objects of texts and numbers) and `rules` (name to YAML text). Out: on stdout, JSON of each rule's
name to the numbers of its rows, or to a text that says why the backend does not convert it. The table compares texts without
case and numbers as numbers, as the backend's documentation asks for.
"""

import json
import re
import sqlite3
import sys

from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def table(rows, fields):
    numbers = {name for row in rows for name, value in row.items() if not isinstance(value, str)}
    kinds = [f"{quoted(one)} {'NUMERIC' if one in numbers else 'TEXT COLLATE NOCASE'}" for one in sorted(fields)]
    database = sqlite3.connect(":memory:")
    database.create_function("REGEXP", 2, lambda want, text: text is not None and re.search(want, str(text)) is not None)
    database.execute(f"CREATE TABLE logs (number INTEGER, {', '.join(kinds)})")
    for number, row in enumerate(rows):
        values = [row.get(one) for one in sorted(fields)]
        marks = ", ".join("?" * (len(values) + 1))
        database.execute(f"INSERT INTO logs VALUES ({marks})", [number, *values])
    return database


def main():
    asked = json.load(sys.stdin)
    backend = sqliteBackend()
    queries, answers, fields = {}, {}, set()
    for row in asked["rows"]:
        fields |= row.keys()
    for name, text in asked["rules"].items():
        try:
            rules = SigmaCollection.from_yaml(text)
            for rule in rules:
                fields |= set(backend.required_fields(rule))
            queries[name] = backend.convert(rules)
        except Exception as error:  # each rule's own fault is its answer
            answers[name] = f"{type(error).__name__}: {error}"
    database = table(asked["rows"], fields)
    for name, texts in queries.items():
        try:
            found = {row for text in texts for (row,) in database.execute(text.replace("SELECT *", "SELECT number", 1))}
            answers[name] = sorted(found)
        except sqlite3.Error as error:
            answers[name] = f"{type(error).__name__}: {error}"
    json.dump(answers, sys.stdout)


main()
