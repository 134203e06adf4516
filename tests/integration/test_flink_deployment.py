"""The cluster that `lifelong flink deployment` prints is one that Flink's operator for Kubernetes takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema
import pytest
import yaml

from deploy.embedded import flink, jars
from deploy.flink.kubernetes import flink_deployment

pytestmark = [pytest.mark.servers]

OPERATOR = "org.apache.flink:flink-kubernetes-operator-api:1.10.0"
DIGEST = "b1f44814e17514fa8395c61b329a3ee9087123a5bda5b21fe1a495d5182c30b6"
DEFINITION = "META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml"


def closed(schema: Any) -> Any:
    """Return a schema in which no object has properties that it does not name: Kubernetes would drop them silently."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(each) for name, each in schema.items()}
    is_open = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("type") == "object" and "properties" in schema and not is_open:
        inner["additionalProperties"] = False
    return inner


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The schema of the newest operator that is served. Later ones know more versions of Flink."""
    (jar,) = jars.resolve((OPERATOR,), tmp_path_factory.mktemp("operator"), alone=True)
    assert jars.sha256(jar) == DIGEST
    with ZipFile(jar) as opened:
        (version,) = yaml.load(opened.read(DEFINITION), Loader=yaml.CSafeLoader)["spec"]["versions"]
    made: dict[str, Any] = closed(version["schema"]["openAPIV3Schema"])
    made["properties"]["spec"]["properties"]["flinkVersion"]["enum"].append(flink.OPERATOR_VERSION)
    return made | {"properties": made["properties"] | {name: {} for name in ("apiVersion", "kind", "metadata")}}


def test_the_cluster_keeps_to_the_schema_of_the_operator(schema: dict[str, Any]) -> None:
    made = flink_deployment("l", image="i:1", data_dir=Path("/d"), claim="c", taskmanagers=3, megabytes=2_048)
    validator = jsonschema.Draft7Validator(schema)
    validator.validate(made)
    made["spec"]["taskManager"]["cores"] = 1
    with pytest.raises(jsonschema.ValidationError, match="cores"):
        validator.validate(made)
