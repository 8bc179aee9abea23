#!/usr/bin/env python3
"""Makes kms.json and cloudhsmv2.json anew from the models that botocore ships, without their prose.

    pip download --no-deps botocore -d /tmp/botocore && ./refresh.py /tmp/botocore/botocore-*.whl

What it writes is facts: names, types, limits, patterns, declared errors. The version of botocore and the day on which it
was built are kept in the file. Afterwards: `cargo xtask codegen`.
"""
import gzip, json, re, sys, zipfile
from pathlib import Path

SERVICES = {"kms": "2014-11-01", "cloudhsmv2": "2017-04-28"}
KEPT = ["type", "required", "members", "member", "key", "value", "max", "min", "pattern", "sensitive", "deprecated",
        "exception", "fault", "enum", "flattened", "box"]


def plain(node):
    """A shape or a member without documentation, its keys in a fixed order."""
    out = {}
    for key in ["shape"] + KEPT:
        if key not in node or key in ("flattened", "box"):
            continue
        value = node[key]
        if key == "members":
            value = {name: plain(member) for name, member in value.items()}
        elif isinstance(value, dict):
            value = plain(value)
        out[key] = value
    return out


def compact(model, version, released):
    meta = model["metadata"]
    operations = {
        name: {
            "input": op.get("input", {}).get("shape"),
            "output": op.get("output", {}).get("shape"),
            "errors": [error["shape"] for error in op.get("errors", [])],
        }
        for name, op in sorted(model["operations"].items())
    }
    shapes = {name: plain(shape) for name, shape in sorted(model["shapes"].items())}
    head = {
        "service": meta.get("signingName") if meta["endpointPrefix"] == "kms" else "cloudhsmv2",
        "apiVersion": meta["apiVersion"],
        "targetPrefix": meta["targetPrefix"],
        "signingName": meta.get("signingName", meta["endpointPrefix"]),
        "jsonVersion": meta["jsonVersion"],
        "botocore": version,
        "released": released,
    }
    lines = ["{"] + [f" {json.dumps(k)}: {json.dumps(v)}," for k, v in head.items()]
    for title, table in (("operations", operations), ("shapes", shapes)):
        rows = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in table.items()]
        lines += [f' "{title}": {{', ",\n".join(rows), " }" + ("," if title == "operations" else "")]
    return "\n".join(lines + ["}"]) + "\n"


def main(wheel):
    version = re.search(r"botocore-([0-9.]+)-", Path(wheel).name).group(1)
    archive = zipfile.ZipFile(wheel)
    released = "%04d-%02d-%02d" % max(entry.date_time[:3] for entry in archive.infolist())
    for service, api in SERVICES.items():
        name = next(n for n in archive.namelist() if f"data/{service}/{api}/service-2.json" in n)
        data = archive.read(name)
        model = json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
        model["metadata"].setdefault("signingName", model["metadata"]["endpointPrefix"])
        Path(__file__).with_name(f"{service}.json").write_text(compact(model, version, released))


main(sys.argv[1])
