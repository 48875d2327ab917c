"""How long a run takes, against Pulumi alone and against an afternoon's own provider."""
