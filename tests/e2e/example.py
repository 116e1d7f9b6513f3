"""The example `calico_and_ingress` on a cluster: what such a cluster lacks taken away, then the example brought up.

Owns both steps. Leaves the cluster to whoever made it; after the first step it is as kubeadm left it, but for
routes and rules in its nodes' kernels.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from fjordkube import demo, images, objects
from fjordkube.gates import probe
from fjordkube.ingress import admission, controller
from fjordkube.network import calico
from fjordkube.network.definitions import definitions
from fjordkube.roots import CHECKOUT
from fjordkube.settings import ClusterSettings, IngressNginx
from fjordkube.versions import DEFAULT_CALICO, DEFAULT_KUBERNETES
from offline import binaries
from offline.plugins import installation
from tests.conformance.engine import Stack
from tests.engine import installed

EXAMPLE = CHECKOUT / "examples" / "calico_and_ingress"
UP_SECONDS = 900


def strip(kubeconfig: Path, settings: ClusterSettings, api_host: str, private_cidr: str) -> None:
    """Takes Calico, ingress-nginx and all pods of the pod network out of the cluster."""
    for namespace, deployment in ((demo.NAMESPACE, demo.NAME), ("kube-system", "coredns")):
        kubectl(kubeconfig, "scale", "--namespace", namespace, f"deployment/{deployment}", "--replicas=0")
    kubectl(kubeconfig, "delete", "namespace", probe.NAMESPACE, "--timeout=300s")
    for namespace in (demo.NAMESPACE, "kube-system"):
        app = "app.kubernetes.io/name=demo" if namespace == demo.NAMESPACE else "k8s-app=kube-dns"
        kubectl(kubeconfig, "wait", "--namespace", namespace, "--for=delete", "pod", "-l", app, "--timeout=300s")
    made = images.built(settings.kubernetes.version, settings.network.version)
    ingress = settings.ingress
    assert isinstance(ingress, IngressNginx)
    front = controller.front(ingress, made.references["ingress-nginx-controller"], api_host, 6443)
    network = calico.objects(settings.network, made.references, private_cidr, api_host, 6443, "emulated")
    gone = [
        *controller.objects(ingress, front, "emulated"),
        admission.service({}),
        admission.registration("", "emulated"),
        *network,
        *definitions(settings.network.version),
    ]
    words = ["delete", "--ignore-not-found", "--timeout=300s", "--filename", "-"]
    kubectl(kubeconfig, *words, given=objects.manifest(gone))


def restore(kubeconfig: Path) -> None:
    """Brings back the pods that `strip` took away, and waits until they are ready."""
    for namespace, deployment in (("kube-system", "coredns"), (demo.NAMESPACE, demo.NAME)):
        kubectl(kubeconfig, "scale", "--namespace", namespace, f"deployment/{deployment}", "--replicas=2")
        kubectl(kubeconfig, "rollout", "status", "--namespace", namespace, f"deployment/{deployment}")


def bring_up(folder: Path, kubeconfig: str, api_host: str, private_cidr: str) -> str:
    """The example in a project of its own, on the wheel in an environment of its own; what the engine said."""
    package = installed.install(folder / "package")
    home = folder / "plugins"
    stack = Stack(folder / "stack", installation.install(binaries.path("pulumi"), folder / "bin", home), home)
    for file in EXAMPLE.glob("*.py"):
        shutil.copy2(file, stack.folder)
    stack.environment["PULUMI_PYTHON_CMD"] = str(package.python)
    references = images.built(DEFAULT_KUBERNETES, DEFAULT_CALICO).references
    for key, value in {
        "apiHost": api_host,
        "privateCidr": private_cidr,
        "images": json.dumps(dict(references)),
    }.items():
        stack.configure(key, value)
    stack.configure("kubeconfig", kubeconfig, secret=True)
    run = stack.start_up()
    output, _ = run.communicate(timeout=UP_SECONDS)
    assert run.returncode == 0, output
    return output


def kubectl(kubeconfig: Path, *words: str, given: str = "") -> str:
    """What it printed; it must succeed."""
    program = [str(binaries.path("kubectl")), "--kubeconfig", str(kubeconfig), *words]
    done = subprocess.run(program, input=given, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout
