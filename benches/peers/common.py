"""What the programs of all peers share: the job they are given, and how they report their time.

A job is a JSON document that `partiquet bench` writes: input, out, shape (conversations or participants), threads,
codec and level, by_day (partition by the day of start_time, or not at all), columns (those of
`partiquet schema --as json`), and keys: null if the attributes are one map, or the attribute keys that are columns for
engines that read no maps.
"""

import json
import os
import re
import sys
import time

# Members of the lists of objects: path within the element, and type.
ELEMENTS = {
    "/conversationRoutingData/skills": [(("id",), "text"), (("name",), "text"), (("selfUri",), "text")],
    "/conversationRoutingData/scoredAgents": [
        (("agent", "id"), "text"), (("agent", "name"), "text"), (("agent", "selfUri"), "text"), (("score",), "integer"),
    ],
    "/errorInfo/details": [
        (("errorCode",), "text"), (("fieldName",), "text"), (("entityId",), "text"), (("entityName",), "text"),
    ],
}  # fmt: skip
KINDS = {"text": "text", "json": "json", "int64": "integer", "boolean": "bool", "float64": "double",
         "timestamp(us, UTC)": "instant", "list<text>": "list", "map<text, text>": "map"}  # fmt: skip
# Exit code for "this engine cannot do that".
CANNOT = 3


class Column:
    """A column of the table, and where its value is: in a participant, or in the conversation around it."""

    def __init__(self, told):
        self.name, self.path = told["name"], told["path"]
        self.of_parent = self.path.startswith("../")
        steps = self.path.removeprefix("../").removeprefix("/").split("/")
        self.steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)
        self.kind = "structs" if self.path in ELEMENTS else KINDS[told["type"]]

    @property
    def elements(self):
        """Members of the list's elements: path, kind, name."""
        return [(steps, kind, "_".join(snake(step) for step in steps)) for steps, kind in ELEMENTS[self.path]]


class Job:
    def __init__(self, path):
        with open(path) as file:
            told = json.load(file)
        self.input, self.out, self.shape, self.threads = told["input"], told["out"], told["shape"], told["threads"]
        self.codec, self.level, self.by_day, self.keys = told["codec"], told["level"], told["by_day"], told["keys"]
        columns = [Column(column) for column in told["columns"] if column["name"] != "extra"]
        self.columns = [column for column in columns if self.wants(column)]
        self.inside = [column for column in self.columns if not column.of_parent]
        self.outside = [column for column in self.columns if column.of_parent]

    @property
    def is_conversations(self):
        return self.shape == "conversations"

    def wants(self, column):
        if column.path.startswith("../../") or column.of_parent and not self.is_conversations:
            return False
        # Engines without maps cannot keep arbitrary JSON as text either.
        return self.keys is None or column.kind not in ("map", "json")


def snake(name):
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def tree(columns):
    """The columns as nested dictionaries of member names, in order; the leaves are columns."""
    out = {}
    for column in columns:
        node = out
        for step in column.steps[:-1]:
            node = node.setdefault(step, {})
        node[column.steps[-1]] = column
    return out


def element_tree(column):
    out = {}
    for steps, kind, _ in column.elements:
        node = out
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        node[steps[-1]] = kind
    return out


def cannot(why):
    print(why)
    sys.exit(CANNOT)


def main(version, prepare):
    """Runs a peer: `version` returns the engine's version or fails; `prepare` takes a job and returns the work to time.

    The work may return what it used in processes that this one does not wait for: cpu_seconds, peak_bytes.
    """
    if sys.argv[1:] == ["--version"]:
        try:
            print(version())
        except ImportError as error:
            sys.exit(f"not installed: {error}")
        return
    job = Job(sys.argv[1])
    work = prepare(job)
    os.makedirs(job.out, exist_ok=True)
    began = time.monotonic()
    beside = work()
    seconds = time.monotonic() - began
    print(json.dumps({"seconds": seconds, **(beside if isinstance(beside, dict) else {})}))
