"""Holds every answer that botocore receives against botocore's own service model."""
import base64
import json

# Errors that every operation may answer with, though the model does not list them; the last one
# where something is not simulated.
COMMON = {"ValidationException", "AccessDeniedException", "SerializationException",
          "UnsupportedOperationException"}


class Watch:
    """Registers with a client; counts the answers that it has checked."""

    def __init__(self, client):
        self.model = client.meta.service_model
        self.answers = 0
        name = self.model.service_name
        # CloudHSM's errors have their message under another name.
        self.message = "message" if name == "kms" else "Message"
        client.meta.events.register(f"response-received.{name}", self.received)

    def received(self, response_dict, exception, event_name, **_):
        """What has come, before botocore leaves out what it does not know."""
        assert response_dict, exception
        operation = self.model.operation_model(event_name.rsplit(".", 1)[1])
        headers, body = response_dict["headers"], json.loads(response_dict["body"] or b"{}")
        assert headers["content-type"] == "application/x-amz-json-1.1", headers
        assert headers["x-amzn-requestid"], headers
        self.answers += 1
        if response_dict["status_code"] == 200:
            if operation.output_shape:
                check(body, operation.output_shape, operation.name)
            else:
                assert body == {}, (operation.name, body)
            return
        name = body.pop("__type")
        assert set(body) <= {self.message}, (operation.name, body)
        declared = {shape.name for shape in operation.error_shapes}
        assert name in declared | COMMON, f"{operation.name} does not declare {name}"
        assert response_dict["status_code"] == 400, (operation.name, name)


def check(value, shape, place):
    """No unknown member, no missing one, right types."""
    kinds = {
        "string": str, "blob": str, "boolean": bool, "integer": int, "long": int,
        "timestamp": (int, float), "list": list, "map": dict, "structure": dict,
    }
    fits = isinstance(value, kinds[shape.type_name])
    if shape.type_name in ("integer", "long", "timestamp"):
        fits = fits and not isinstance(value, bool)
    assert fits, f"{place}: {value!r} is not a {shape.type_name}"
    if shape.type_name == "structure":
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{place}: the model has no {unknown}"
        missing = set(shape.required_members) - set(value)
        assert not missing, f"{place}: {missing} is missing"
        for name, member in value.items():
            check(member, shape.members[name], f"{place}.{name}")
    elif shape.type_name == "list":
        if value and shape.metadata.get("max"):
            assert len(value) <= shape.metadata["max"], f"{place}: {len(value)} items"
        for item in value:
            check(item, shape.member, f"{place}[]")
    elif shape.type_name == "map":
        for key, item in value.items():
            check(key, shape.key, f"{place} key")
            check(item, shape.value, f"{place}.{key}")
    elif shape.type_name == "blob":
        bounds(len(base64.b64decode(value, validate=True)), shape, place)
    elif shape.type_name == "string":
        assert not shape.enum or value in shape.enum, f"{place}: {value!r} is not of the enum"
        bounds(len(value), shape, place)


def bounds(size, shape, place):
    """The model's bounds hold for answers, too."""
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", size)
    assert least <= size <= most, f"{place}: {size} is not of {least} to {most}"
