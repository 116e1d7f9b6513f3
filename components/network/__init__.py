"""The cluster's network: kube-proxy's mode (kube_proxy.py) and Calico's BGP without encapsulation (calico*.py)."""
