#!/bin/sh
# Create or update a Kubernetes secret from the key on standard input: apply_secret.sh NAME NAMESPACE
#
# The first kubectl only writes the manifest, and the second one sends it. If the first one fails, the
# second one gets no input and fails too. With --server-side, kubectl doesn't write a copy of the
# manifest, and so of the key, into an annotation of the secret.
set -eu
kubectl create secret generic "$1" --namespace="$2" --dry-run=client --output=yaml \
  --from-file=api-key=/dev/stdin --from-literal=api-key-id="$PARALLEL_API_KEY_ID" |
  kubectl apply --server-side --namespace="$2" --filename=- >/dev/null
