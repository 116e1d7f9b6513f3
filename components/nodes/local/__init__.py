"""Local nodes: real virtual machines under QEMU, for a cluster on one computer.

Owns the machines of a stack: what must hold before they start (`preflight`), whether KVM really works
(`accelerator`), their Pulumi resources (`machines`), and the small program that makes, starts and deletes one
machine (`machine/`, plain Python so that it starts quickly and needs no package). Leaves what runs inside to
`components/host` and the guest's image to `offline/`.
"""
