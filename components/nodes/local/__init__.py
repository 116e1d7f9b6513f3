"""Local nodes: real virtual machines under QEMU, for a cluster on one computer.

Owns the machines of a stack: what must hold before they start (`preflight`), whether KVM really works
(`accelerator`), their Pulumi resources (`machines`), and which image they are made from (`vm_image`). Leaves making,
starting and deleting one to `helpers/local_vm`, what runs inside to `components/host` and the image to `offline/`.
"""
