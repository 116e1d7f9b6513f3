"""Host preparation: what turns a bare machine into one that kubeadm accepts."""
