"""The chart: what Helm makes of it is valid for a cluster, for the ODA Canvas, and for what OXL serves."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import kubernetes_validate
import pytest
from chart import FOLDER, SETTINGS, SPEC, rendered, starts, the
from helm_python.chart import Chart, lint
from helm_python.errors import HelmError

from oxl.apis import APIS
from oxl.certify.standard import PLACES

NEVER = {"Ingress", "Pod", "ReplicaSet", "DaemonSet", "ClusterRole", "ClusterRoleBinding"}
NAME = "alpha-productusage"
KINDS = ("usage", "billing", "calculation")
CLUSTER = "1.31"


def component(kind: str = "usage", crd: str = "v1", **more: Any) -> dict[str, Any]:
    """The Component of a chart of a kind, for a version of the resource definition."""
    return the(rendered(component={"kind": kind, "crdVersion": crd}, **more), "Component")


def test_helm_lint_finds_nothing() -> None:
    found = lint(FOLDER, {"database": {"url": "x"}}, strict=True)
    assert found["errors"] == []
    assert [each for each in found["messages"] if each["severity"] > 1] == []


@pytest.mark.parametrize("crd", SPEC)
@pytest.mark.parametrize("kind", KINDS)
def test_120_every_object_is_labelled_and_the_component_fits_its_definition(kind: str, crd: str) -> None:
    objects = rendered(component={"kind": kind, "crdVersion": crd})
    assert not {each["kind"] for each in objects} & NEVER
    for each in objects:
        assert each["metadata"]["labels"]["oda.tmforum.org/componentName"] == NAME
        if each["kind"] == "Deployment":
            labels = each["spec"]["template"]["metadata"]["labels"]
            assert labels["oda.tmforum.org/componentName"] == NAME
    found = the(objects, "Component")
    assert found["apiVersion"] == f"oda.tmforum.org/{crd}"
    wrong = [f"{error.instance_path}: {error.message}"
             for error in jsonschema_rs.Draft202012Validator(SPEC[crd]).iter_errors(found["spec"])]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize("values", [{}, {"metrics": {"enabled": False}}, {"database": {"existingSecret": "elsewhere"}}])
def test_every_object_is_valid_for_a_cluster(values: dict[str, Any]) -> None:
    objects = [each for each in rendered(**values) if each["kind"] != "Component"]
    assert {"Deployment", "Service", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim"} <= {
        each["kind"] for each in objects
    }
    for each in objects:
        kubernetes_validate.validate(each, CLUSTER, strict=True)


def test_a_wrong_object_is_noticed() -> None:
    spoilt = the(rendered(), "Service", "-api")
    spoilt["spec"]["ports"][0]["prot"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(spoilt, CLUSTER, strict=True)
    spec = component()["spec"]
    spec["securityFunction"].pop("canvasSystemRole")
    assert list(jsonschema_rs.Draft202012Validator(SPEC["v1"]).iter_errors(spec))


def test_what_is_exposed_is_served_below_the_prefix() -> None:
    served = {api.base for api in APIS}
    for kind in KINDS:
        for api in component(kind)["spec"]["coreFunction"]["exposedAPIs"]:
            for version in api["specification"]:
                prefix, path = re.fullmatch(r"(/[^/]+)(/tmf-api/.+)", version["path"]).groups()  # type: ignore[union-attr]
                assert prefix == f"/{NAME}"
                assert path in served
                place = next(each for each in PLACES if each.base == path)
                assert (place.number, f"v{place.version}") == (api["id"], version["version"])
    assert the(rendered(), "ConfigMap")["data"]["OXL_PUBLIC_URL"] == f"/{NAME}"
    hosted = the(rendered(publicHost="https://api.example"), "ConfigMap")
    assert hosted["data"]["OXL_PUBLIC_URL"] == f"https://api.example/{NAME}"


def test_a_component_exposes_what_its_kind_must() -> None:
    for place in PLACES:
        for use in place.uses:
            kind = {"TMFC040": "usage", "TMFC030": "billing", "TMFC031": "calculation"}[use.component]
            exposed = {api["id"]: api for api in component(kind)["spec"]["coreFunction"]["exposedAPIs"]}
            if use.role == "exposes":
                assert exposed[place.number]["required"] is use.mandatory


def test_services_carry_what_operators_look_for() -> None:
    objects = rendered()
    metrics = component()["spec"]["managementFunction"]["exposedAPIs"][0]
    assert the(objects, "Service", "-sm")["metadata"]["labels"]["name"] == metrics["implementation"]
    for each in objects:
        for port in each["spec"]["ports"] if each["kind"] == "Service" else ():
            assert port["name"].startswith("http-")
    for api in component()["spec"]["coreFunction"]["exposedAPIs"]:
        assert api["specification"][0]["implementation"] == the(objects, "Service", "-api")["metadata"]["name"]


@pytest.mark.parametrize("release", ["alpha", "a-release-with-quite-a-long-name-indeed"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_names_that_the_canvas_makes_are_no_longer_than_a_label_may_be(kind: str, release: str) -> None:
    objects = rendered(release=release, component={"kind": kind})
    found = the(objects, "Component")
    name, exposed = found["metadata"]["name"], found["spec"]["coreFunction"]["exposedAPIs"]
    made = [
        f"{name}-{api['name']}-{each['version'].partition('.')[0]}" for api in exposed for each in api["specification"]
    ]
    made += [f"{name}-{each['name']}" for each in found["spec"]["eventNotification"]["publishedEvents"]]
    assert [each for each in made if len(each) > 63] == []
    assert len(set(made)) == len(made)
    for each in objects:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", each["metadata"]["name"]), each["metadata"]["name"]


def test_nothing_runs_as_root_or_writes_where_it_should_not() -> None:
    for each in rendered():
        if each["kind"] != "Deployment":
            continue
        pod = each["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        for container in (*pod["containers"], *pod["initContainers"]):
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/tmp", "/var/lib/oxl"}  # noqa: S108


def test_what_the_chart_sets_is_known_and_the_server_starts_with_it() -> None:
    for identity in ({}, {"issuers": "https://keycloak.example/realms/odari", "audience": "oxl"}):
        found = the(rendered(identity=identity), "ConfigMap")["data"]
        assert {name for name in found if name.startswith("OXL_")} <= SETTINGS
        starts(found)
    with pytest.raises(ValueError, match="dev lets everybody in"):
        starts(the(rendered(identity={"auth": "dev"}), "ConfigMap")["data"])


def test_specifications_are_where_the_server_publishes_them() -> None:
    inside = component()["spec"]["coreFunction"]["exposedAPIs"][0]["specification"][0]
    assert inside["url"].partition("://")[2] == f"{NAME}-api.components:8080{inside['path']}/openapi.json"
    outside = component(publicHost="https://api.example")["spec"]["coreFunction"]["exposedAPIs"][0]["specification"][1]
    assert outside["url"] == f"https://api.example{outside['path']}/openapi.json"
    elsewhere = component(crd="v1beta3", specificationUrl="https://docs.example")["spec"]["coreFunction"]["exposedAPIs"]
    assert elsewhere[0]["specification"] == ["https://docs.example/TMF635-v4.0.0.json"]


def test_the_component_is_called_as_the_standard_calls_it() -> None:
    names = [component(kind)["spec"]["componentMetadata"]["name"] for kind in KINDS]
    assert names == ["productusagemanagement", "billgenerationmanagement", "billcalculationmanagement"]


def test_the_switches_of_the_chart() -> None:
    secret = the(rendered(), "Secret")
    assert secret["stringData"]["url"].startswith("postgresql://")
    own = rendered(database={"url": "", "existingSecret": "elsewhere"})
    assert not [each for each in own if each["kind"] == "Secret"]
    container = the(own, "Deployment", "-worker")["spec"]["template"]["spec"]["containers"][0]
    assert container["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "elsewhere"
    for wrong in ({"database": {"url": ""}}, {"component": {"crdVersion": "v2"}}, {"component": {"kind": "odd"}}):
        with pytest.raises(HelmError):
            rendered(**wrong)
    assert Chart.load(FOLDER).metadata["apiVersion"] == "v2"
