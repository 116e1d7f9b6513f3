"""How a living cluster is: what its nodes told of themselves, judged. Figures in, rows out; pure."""
