"""Gates: promises that are measured before `up` says done. A verb each; how they are asked for: components/gates."""
