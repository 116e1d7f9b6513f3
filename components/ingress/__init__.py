"""The front door: ingress-nginx on host ports, tuned; its successor (Gateway API) will stand beside it."""
