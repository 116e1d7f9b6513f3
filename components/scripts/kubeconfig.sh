# shellcheck shell=bash
# Prints the administrator's kubeconfig of a control plane (control-plane.sh was read before).

print_kubeconfig "$(administrator)"
