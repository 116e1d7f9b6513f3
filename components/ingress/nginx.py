"""ingress-nginx: the door from the nodes' ports 80 and 443 to the Services behind.

Owns the component, and the order in which the door opens: certificate, controller, then the webhook's registration.
Leaves the objects to the modules beside it and the proof (200 from outside) to the gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_command import local

from fjordkube.ingress import admission
from fjordkube.ingress.controller import CLASS, CONTROLLER, LABELS, front, objects
from fjordkube.objects import KubernetesObject, Objects
from fjordkube.settings import IngressNginx as IngressNginxSettings
from fjordkube.timing import TimingName


@dataclass(frozen=True)
class IngressNginxArgs:
    """What `IngressNginx` needs."""

    settings: IngressNginxSettings
    """Image, ports and tuning."""
    api_host: str
    """The API's address as nodes reach it without kube-proxy, e.g. 192.168.77.11."""
    image: str
    """The controller's image, unless the settings name one."""
    provider: pulumi.ProviderResource
    """The cluster."""
    timing: TimingName = "native"
    """Sets the probes' periods and the webhook's timeout, nothing else."""
    api_port: int = 6443
    ingresses: Sequence[pulumi.Resource] = ()
    """Ingresses of this program: from the webhook's registration on, each needs a controller that answers."""
    after: Sequence[pulumi.Resource] = ()
    """What must be there before the first object."""
    deleted_with: pulumi.Resource | None = None
    """The machine or cluster whose end is the end of these objects too."""


class IngressNginx(pulumi.ComponentResource):
    """ingress-nginx on host ports, and the default IngressClass."""

    ingress_class: pulumi.Output[str]
    """Name for `ingressClassName`."""
    image: pulumi.Output[str]
    """What runs."""

    def __init__(self, name: str, args: IngressNginxArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:ingress:IngressNginx", name, None, opts)
        place = front(args.settings, args.image, args.api_host, args.api_port)

        # The webhook's certificate: made once, kept in the stack's state as a secret.
        made = local.Command(
            f"{name}-certificate",
            create=admission.openssl(),
            logging=local.Logging.NONE,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, additional_secret_outputs=["stdout"]),
        )
        output: pulumi.Output[str] = pulumi.Output.secret(made.stdout)
        key = output.apply(lambda text: admission.encoded(admission.pem("PRIVATE KEY", text)))
        secret_certificate = output.apply(lambda text: admission.encoded(admission.pem("CERTIFICATE", text)))
        certificate = pulumi.Output.unsecret(secret_certificate)

        # The controller, its rights and its tuning.
        options = pulumi.ResourceOptions(parent=self, depends_on=list(args.after), deleted_with=args.deleted_with)
        self.objects = Objects(
            name,
            [
                *objects(args.settings, place, args.timing),
                admission.certificate_secret(certificate, key),
                admission.service(LABELS),
            ],
            args.provider,
            options,
        )
        self.controller: KubernetesObject = self.objects.get("DaemonSet", CONTROLLER)

        # Last: from here on every Ingress is reviewed.
        self.admission = Objects(
            name,
            [admission.registration(certificate, args.timing)],
            args.provider,
            pulumi.ResourceOptions(
                parent=self,
                depends_on=[*self.objects, *args.ingresses, *args.after],
                deleted_with=args.deleted_with,
            ),
        )

        self.ingress_class = pulumi.Output.from_input(CLASS)
        self.image = pulumi.Output.from_input(place.image)
        self.register_outputs({"ingress_class": self.ingress_class, "image": self.image})
